// A server stream that is followed for as long as a page wants it: reconnected with growing waits, and
// let go while nobody looks (a browser keeps few connections to one server, over all of its tabs).
import { noteRefusal, connection, isUnavailable } from "./clients.js";
import { waitForServer } from "./backoff.js";

export interface Followed<Message> {
  // Opens the stream where the last message left off.
  open: (signal: AbortSignal) => AsyncIterable<Message>;
  onMessage: (message: Message) => void;
  // The server has ended the stream: there is nothing more to come.
  onEnd?: () => void;
  // An error that another try would not change.
  onError?: (error: unknown) => void;
}

// Returns what ends it.
export function follow<Message>(followed: Followed<Message>): () => void {
  const whole = new AbortController();
  let ended = false;
  let connected: AbortController | undefined;

  async function run(): Promise<void> {
    for (let failures = 0; !ended && !whole.signal.aborted; ) {
      if (document.hidden) {
        await shown(whole.signal);
        continue;
      }
      const attempt = new AbortController();
      connected = attempt;
      try {
        for await (const message of followed.open(attempt.signal)) {
          if (attempt.signal.aborted) break;
          failures = 0;
          connection.set({ state: "up" });
          followed.onMessage(message);
        }
        if (attempt.signal.aborted) continue;
        ended = true;
        followed.onEnd?.();
      } catch (error) {
        if (attempt.signal.aborted) continue;
        noteRefusal(error);
        if (!isUnavailable(error) && !isCutOff(error)) {
          ended = true;
          followed.onError?.(error);
        } else {
          await waitForServer(failures++, whole.signal);
        }
      }
    }
  }

  const hide = () => document.hidden && connected?.abort();
  document.addEventListener("visibilitychange", hide);
  void run();
  return () => {
    document.removeEventListener("visibilitychange", hide);
    whole.abort();
    connected?.abort();
  };
}

// A server that ends in the middle of a stream leaves it without its last message.
function isCutOff(error: unknown): boolean {
  return /EndStreamResponse|premature end|network error/i.test(String(error));
}

function shown(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      document.removeEventListener("visibilitychange", check);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const check = () => !document.hidden && done();
    document.addEventListener("visibilitychange", check);
    signal.addEventListener("abort", done);
  });
}
