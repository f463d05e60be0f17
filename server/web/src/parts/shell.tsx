// What stands around every page: names of pages, the state of the connection, the question for a token.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { tryNow } from "../api/backoff.js";
import { connection } from "../api/clients.js";
import { asked, setToken, token } from "../api/token.js";
import { href, useAddress } from "../lib/route.js";
import { useStore } from "../lib/store.js";

const pages = [
  { page: "experiments", title: "Experiments", below: ["", "runs", "compare", "report"] },
  { page: "submit", title: "New experiment", below: [] },
  { page: "workers", title: "Workers", below: [] },
];

export function Shell({ children }: { children: ComponentChildren }) {
  const { page } = useAddress();
  const reason = useStore(asked).reason;
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        To the content
      </a>
      <header class="top">
        <a class="brand" href={href("experiments")}>
          <img src="./icon.svg" alt="" width="20" height="20" /> Hooke
        </a>
        <nav aria-label="Pages">
          {pages.map((entry) => (
            <a key={entry.page} href={href(entry.page)} aria-current={page === entry.page ? "page" : entry.below.includes(page) ? "true" : undefined}>
              {entry.title}
            </a>
          ))}
        </nav>
        {token() && reason === "none" && (
          <button type="button" class="plain sign-out" onClick={signOut}>
            Forget token
          </button>
        )}
      </header>
      <Disconnected />
      <main id="main" tabIndex={-1}>
        {reason === "none" ? children : <SignIn />}
      </main>
    </>
  );
}

function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function signOut(): void {
  setToken("");
  location.reload();
}

function Disconnected() {
  const state = useStore(connection);
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (state.state !== "down") return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [state]);
  if (state.state === "up") return <div role="status" />;
  const seconds = Math.max(0, Math.ceil((state.retryAt - now) / 1000));
  return (
    <div class="disconnected" role="status">
      Disconnected, trying again{seconds > 0 ? ` in ${seconds} s` : " …"} What is shown may be old.
      <button type="button" onClick={tryNow}>
        Try now
      </button>
    </div>
  );
}

function SignIn() {
  const { reason, message } = useStore(asked);
  const [value, setValue] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    if (value.trim() !== "") setToken(value.trim());
  };
  return (
    <form class="sign-in" onSubmit={submit}>
      <h1>{reason === "refused" ? "This token was refused" : "This server asks for a token"}</h1>
      {reason === "refused" && <p class="problem">{message}</p>}
      <p>
        <code>hooke up</code> leaves one in the file <code>token</code> of the server's data folder;{" "}
        <code>hooke tokens create</code> makes others. It is kept in this browser until you have it forgotten.
      </p>
      <label class="field wide">
        <span>Token</span>
        <input type="password" autocomplete="off" spellcheck={false} value={value} onInput={(event) => setValue(event.currentTarget.value)} />
      </label>
      <button type="submit" class="primary" disabled={value.trim() === ""}>
        Go on
      </button>
    </form>
  );
}
