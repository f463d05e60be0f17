// A run as it goes on: the server says when something was stored; charts then ask for what came after
// their last point, so that nothing is read twice.
import { type Run, RunState } from "../generated/hooke/v1/resources_pb.js";
import { Store } from "../lib/store.js";
import { experiments } from "./clients.js";
import { follow } from "./follow.js";

export class RunFeed {
  // The run's newest state; undefined until something changed.
  readonly run = new Store<Run | undefined>(undefined);
  // Counts what charts must draw anew: a new attempt has taken points back.
  readonly redraw = new Store(0);
  // Last step that is stored; -1 before anything came.
  readonly arrived = new Store(-1);
  // When that came, as performance.now() has it.
  heardAt = 0;
  // An error that ended the stream for good.
  readonly error = new Store<unknown>(undefined);
  private stop: (() => void) | undefined;

  constructor(private readonly name: string, private attempt: number) {}

  start(): void {
    this.stop?.();
    this.stop = follow({
      open: (signal) => experiments.watchRuns({ names: [this.name] }, { signal }),
      onMessage: ({ run }) => run && this.take(run),
      onError: (error) => this.error.set(error),
    });
  }

  close(): void {
    this.stop?.();
  }

  private take(run: Run): void {
    if (run.attempt !== this.attempt) {
      this.attempt = run.attempt;
      this.redraw.set(this.redraw.get() + 1);
    }
    this.heardAt = performance.now();
    this.run.set(run);
    this.arrived.set(Number(run.step));
  }
}

export function isLive(run: Run): boolean {
  return run.state === RunState.RUNNING || run.state === RunState.QUEUED;
}
