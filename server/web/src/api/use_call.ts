// Answers for components: asked when what they depend on changes, asked again while the server is away.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { waitForServer } from "./backoff.js";
import { connection, isUnavailable } from "./clients.js";
import { asked } from "./token.js";

export interface Answer<T> {
  // The newest answer; of earlier dependencies while `loading`.
  value: T | undefined;
  error: unknown;
  loading: boolean;
  reload: () => void;
}

// Calls until there is an answer, or an error that another try would not change.
export async function persist<T>(call: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let failures = 0; ; ++failures) {
    try {
      const value = await call(signal);
      connection.set({ state: "up" });
      return value;
    } catch (error) {
      if (signal.aborted || !isUnavailable(error)) throw error;
      await waitForServer(failures, signal);
      if (signal.aborted) throw error;
    }
  }
}

// `key` names what is asked; undefined: nothing. With another `family` (default: the key) the old answer
// is forgotten at once, else it stays until the new one is there.
export function useCall<T>(key: string | undefined, call: (signal: AbortSignal) => Promise<T>, family = key): Answer<T> {
  const [state, setState] = useState<{ family?: string; value?: T; error?: unknown; loading: boolean }>({ loading: true });
  const [attempt, setAttempt] = useState(0);
  const latest = useRef(call);
  latest.current = call;
  const signedIn = useSignIn();

  useEffect(() => {
    if (key === undefined) {
      setState({ family, loading: false });
      return;
    }
    const controller = new AbortController();
    setState((old) => ({ family, value: old.family === family ? old.value : undefined, loading: true }));
    persist(latest.current, controller.signal).then(
      (value) => !controller.signal.aborted && setState({ family, value, loading: false }),
      (error: unknown) =>
        !controller.signal.aborted &&
        setState((old) => ({ family, value: old.family === family ? old.value : undefined, error, loading: false })),
    );
    return () => controller.abort();
  }, [key, family, attempt, signedIn]);

  const reload = useCallback(() => setAttempt((old) => old + 1), []);
  const fresh = state.family === family;
  return {
    value: fresh ? state.value : undefined,
    error: fresh ? state.error : undefined,
    loading: fresh ? state.loading : key !== undefined,
    reload,
  };
}

// Counts the tokens given so far, so that whatever was refused is asked again.
function useSignIn(): number {
  const [count, setCount] = useState(0);
  useEffect(() => asked.watch(() => asked.get().reason === "none" && setCount((old) => old + 1)), []);
  return count;
}
