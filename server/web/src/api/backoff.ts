// Trying again until the server answers: 1, 2, 4, 8 seconds, then every 15, or at once when told to.
import { connection } from "./clients.js";

const waits = [1000, 2000, 4000, 8000, 15000];
const sleepers = new Set<() => void>();

export function waitMs(failures: number): number {
  return waits[Math.min(failures, waits.length - 1)] ?? 15000;
}

// Wakes everyone who waits.
export function tryNow(): void {
  for (const wake of [...sleepers]) wake();
}

addEventListener("online", tryNow);

// Says that the server is away and returns when it is time for another try, or when `signal` ends it.
export function waitForServer(failures: number, signal: AbortSignal): Promise<void> {
  const ms = waitMs(failures);
  connection.set({ state: "down", retryAt: Date.now() + ms });
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      sleepers.delete(done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    sleepers.add(done);
    signal.addEventListener("abort", done);
  });
}
