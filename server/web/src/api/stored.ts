// The series that a run has.
import { SeriesKind } from "../generated/hooke/v1/resources_pb.js";
import { queries } from "./clients.js";

// A stored series, as far as the page needs it.
export interface Stored {
  key: string;
  kind: "scalar" | "matrix" | "pairs";
  count: number;
  lastStep: number;
  classes: string[];
  description: string;
}

const kinds: Partial<Record<SeriesKind, Stored["kind"]>> = {
  [SeriesKind.SCALAR]: "scalar",
  [SeriesKind.MATRIX]: "matrix",
  [SeriesKind.PAIRS]: "pairs",
};

export async function allSeries(run: string, signal: AbortSignal): Promise<Stored[]> {
  const stored: Stored[] = [];
  let pageToken = "";
  do {
    const page = await queries.listSeries({ run, pageToken }, { signal });
    for (const info of page.series)
      stored.push({
        key: info.key,
        kind: kinds[info.kind] ?? "scalar",
        count: Number(info.count),
        lastStep: Number(info.lastStep),
        classes: info.classNames,
        description: info.description,
      });
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return stored;
}
