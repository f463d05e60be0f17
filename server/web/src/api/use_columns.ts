// Curves of a run for a chart: drawn by the server for the range that is shown, then kept up to date.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useStore } from "../lib/store.js";
import type { RunFeed } from "./run_feed.js";
import { type Column, drawing, everything, extended, type Range, type Source, thinned } from "./series.js";
import { type Answer, useCall } from "./use_call.js";

// New points of a series that a chart keeps, and how often it asks for more at most.
const mostNew = 4000;
const restMs = 500;

export function useColumns(source: Source, keys: string[], range: Range, points: number, feed: RunFeed): Answer<Column[]> {
  const redraw = useStore(feed.redraw);
  const arrived = useStore(feed.arrived);
  const family = JSON.stringify([source, keys]);
  const asked = keys.length === 0 ? undefined : `${family} ${range.from} ${range.to} ${points} ${redraw}`;
  const base = useCall(asked, (signal) => drawing(source, keys, range, points, signal), family);
  const news = useNews(source, keys, range, base.value, arrived);
  const value = useMemo(
    () => base.value?.map((column, i) => (news?.[i] ? extended(column, news[i]) : column)),
    [base.value, news],
  );
  return { ...base, value };
}

function lastStep(columns: Column[] | undefined): number {
  return (columns ?? []).reduce((last, column) => Math.max(last, column.step.at(-1) ?? -1), -1);
}

// What was stored after the drawing was made, one request at a time.
function useNews(source: Source, keys: string[], range: Range, base: Column[] | undefined, arrived: number): Column[] | undefined {
  const [news, setNews] = useState<{ base?: Column[]; upTo: number; columns: Column[] }>({ upTo: -1, columns: [] });
  const busy = useRef(false);
  const [turn, setTurn] = useState(0);
  const own = news.base === base ? news : undefined;
  useEffect(() => {
    const known = Math.max(lastStep(base), own?.upTo ?? -1);
    const to = Math.min(range.to ?? Infinity, arrived);
    if (!base || busy.current || to <= known) return;
    busy.current = true;
    // From the last step itself: an evaluation of that step may have been stored after it.
    everything(source, keys, { from: Math.max(0, known), to })
      .then((columns) => setNews({ base, upTo: to, columns: columns.map((column, i) => thinned(own?.columns[i] ? extended(own.columns[i], column) : column, mostNew)) }))
      .catch(() => undefined) // the next record asks again
      .finally(() => setTimeout(() => ((busy.current = false), setTurn((old) => old + 1)), restMs));
  }, [arrived, base, own, turn]);
  return own?.columns;
}
