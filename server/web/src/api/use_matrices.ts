// The matrices of one series by step. Small series come whole in one stream, so that scrubbing never
// waits; of large ones each step is asked for when it is looked at, and the newest hundred are kept.
import { useEffect, useRef, useState } from "preact/hooks";
import { type Matrix, readPlanes } from "../charts/matrix.js";
import type { GetInfluenceResponse } from "../generated/hooke/v1/query_pb.js";
import { queries } from "./clients.js";
import type { RunFeed } from "./run_feed.js";

const wholeBytes = 24 << 20;
const cellBytes = 20;
const mostKept = 100;

export interface MatrixSeries {
  // A run, or an experiment for means over its runs.
  run: string;
  mean?: boolean;
  key: string;
  measure: string;
  update: string;
  classes: number;
  count: number;
  lastStep: number;
}

export function fromInfluence(answer: GetInfluenceResponse): Matrix {
  const cells = answer.cells;
  return {
    step: Number(answer.steps.at(-1) ?? 0),
    size: answer.classNames.length,
    mean: cells.map((cell) => cell.mean),
    sd: cells.map((cell) => cell.sd),
    ratio: cells.map((cell) => cell.ratioOfMeans),
    skipped: cells.map((cell) => Number(cell.skipped)),
    nonfinite: cells.map((cell) => Number(cell.nonfinite)),
    count: cells.map((cell) => Number(cell.count)),
  };
}

export class Matrices {
  private readonly kept = new Map<number, Matrix>();
  private readonly watchers = new Set<() => void>();
  private readonly ending = new AbortController();
  private readonly whole: boolean;
  private asking = false;
  private wanted = -1;

  constructor(private readonly series: MatrixSeries, feed: RunFeed) {
    this.whole = !series.mean && series.count * series.classes ** 2 * cellBytes <= wholeBytes;
    this.ending.signal.addEventListener("abort", feed.redraw.watch(() => this.kept.clear()));
    if (this.whole) void this.readWhole();
  }

  close(): void {
    this.ending.abort();
  }

  at(step: number): Matrix | undefined {
    return this.kept.get(step);
  }

  all(): Iterable<Matrix> {
    return this.kept.values();
  }

  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  // Has the matrix of a step come, sooner or later; only the newest wish counts.
  want(step: number): void {
    if (this.kept.has(step)) return;
    this.wanted = step;
    if (!this.asking) void this.ask();
  }

  private async ask(): Promise<void> {
    this.asking = true;
    while (this.wanted >= 0 && !this.ending.signal.aborted) {
      const step = this.wanted;
      this.wanted = -1;
      try {
        const { run, measure, update } = this.series;
        // The fewest resamples: only the cells are wanted.
        const request = { parent: run, measure, update, step: BigInt(step), resamples: 100 };
        this.keep(fromInfluence(await queries.getInfluence(request, { signal: this.ending.signal })));
      } catch {
        break; // the page's own question about this step says why
      }
    }
    this.asking = false;
  }

  private async readWhole(): Promise<void> {
    const { run, key, classes, lastStep } = this.series;
    const reading = new AbortController();
    const end = () => reading.abort();
    this.ending.signal.addEventListener("abort", end);
    try {
      for await (const { event } of queries.tail({ names: [run], keys: [key] }, { signal: reading.signal })) {
        if (event.case !== "points") continue;
        for (const column of event.value.matrices)
          column.step.forEach((step, i) => this.keep(readPlanes(Number(step), classes, column.planes[i] ?? new Uint8Array())));
        // What comes later is asked for when it is looked at.
        if (event.value.matrices.some((column) => Number(column.step.at(-1)) >= lastStep)) break;
      }
    } catch {
      // Steps that are missing are asked for one by one.
    }
    reading.abort();
    this.ending.signal.removeEventListener("abort", end);
  }

  private keep(matrix: Matrix | undefined): void {
    if (!matrix) return;
    this.kept.set(matrix.step, matrix);
    const oldest = this.kept.keys().next().value;
    if (!this.whole && this.kept.size > mostKept && oldest !== undefined) this.kept.delete(oldest);
    for (const watcher of [...this.watchers]) watcher();
  }
}

// The matrix of a step as soon as it is there; until then the one shown before. `known` counts changes.
export function useMatrix(series: MatrixSeries, step: number | undefined, feed: RunFeed): { matrix: Matrix | undefined; matrices: Matrices | undefined; known: number } {
  const [matrices, setMatrices] = useState<Matrices>();
  const [known, setKnown] = useState(0);
  const shown = useRef<{ of?: Matrices; matrix?: Matrix }>({});
  useEffect(() => {
    const made = new Matrices(series, feed);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = made.watch(() => (timer ??= setTimeout(() => ((timer = undefined), setKnown((old) => old + 1)), 50)));
    setMatrices(made);
    return () => {
      clearTimeout(timer);
      end();
      made.close();
    };
  }, [series.run, series.key, feed]);
  const found = step === undefined ? undefined : matrices?.at(step);
  useEffect(() => {
    if (step !== undefined) matrices?.want(step);
  }, [matrices, step, Boolean(found)]);
  if (shown.current.of !== matrices) shown.current = { of: matrices };
  if (found) shown.current.matrix = found;
  return { matrix: shown.current.matrix, matrices, known };
}
