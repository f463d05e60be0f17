// The newest dominance of an experiment, of its first measure, for a row of a list: asked for once for each
// number of runs that have ended, and while runs go on every half minute; two at a time.
import { useEffect, useState } from "preact/hooks";
import { queries } from "../api/clients.js";
import type { Experiment } from "../generated/hooke/v1/resources_pb.js";
import { short } from "../lib/format.js";
import { isFinal } from "./widgets.js";

const goingMs = 30_000;
const atOnce = 2;

interface Known {
  text: string;
  title: string;
}

const known = new Map<string, Promise<Known>>();
const waiting: (() => void)[] = [];
let asking = 0;

async function ask(parent: string): Promise<Known> {
  if (asking >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve));
  ++asking;
  try {
    const { key, dominance, steps, level } = await queries.getInfluence({ parent, resamples: 100 });
    const interval = dominance?.low !== undefined && dominance.high !== undefined ? ` [${short(dominance.low)}, ${short(dominance.high)}] at level ${level}` : "";
    return { text: short(dominance?.value), title: `${key}, step ${steps.at(-1) ?? 0}${interval}` };
  } catch {
    return { text: "–", title: "no influence matrix" };
  } finally {
    --asking;
    waiting.shift()?.();
  }
}

export function Dominance({ experiment }: { experiment: Experiment }) {
  const going = experiment.runCounts.some(({ state }) => !isFinal(state));
  const ended = experiment.runCounts.filter(({ state }) => isFinal(state)).reduce((all, { count }) => all + count, 0);
  const [value, setValue] = useState<Known>();
  const stamp = `${experiment.name} ${experiment.createTime?.seconds} ${ended} of ${experiment.runCount} ${going ? Math.floor(Date.now() / goingMs) : ""}`;
  useEffect(() => {
    let shown = true;
    const answer = known.get(stamp) ?? ask(experiment.name);
    known.set(stamp, answer);
    void answer.then((found) => shown && setValue(found));
    return () => {
      shown = false;
    };
  }, [stamp]);
  return <span title={value?.title}>{value?.text ?? "…"}</span>;
}
