// Goes through the steps at which a run was measured: by hand, by keyboard, or played.
import { useEffect, useState } from "preact/hooks";
import { nearest } from "../charts/matrix.js";
import { count } from "../lib/format.js";
import { type Store, useStore } from "../lib/store.js";

// A whole run plays in about this long, but no faster than the eye follows.
const playMs = 12_000;
const shortestFrameMs = 33;

export function Scrubber({ steps, step }: { steps: number[]; step: Store<number | undefined> }) {
  const chosen = useStore(step);
  const [playing, setPlaying] = useState(false);
  const at = chosen === undefined ? steps.length - 1 : nearest(steps, chosen);
  const go = (index: number) => step.set(steps[Math.min(steps.length - 1, Math.max(0, index))]);

  useEffect(() => {
    if (!playing) return;
    const frameMs = Math.max(shortestFrameMs, playMs / Math.max(1, steps.length));
    const timer = setInterval(() => {
      const now = step.get();
      const next = now === undefined ? steps.length : nearest(steps, now) + 1;
      if (next >= steps.length) setPlaying(false);
      else step.set(steps[next]);
    }, frameMs);
    return () => clearInterval(timer);
  }, [playing, steps, step]);

  const play = () => {
    if (!playing && at >= steps.length - 1) go(0);
    setPlaying(!playing);
  };
  return (
    <div class="scrubber">
      <button type="button" onClick={play} aria-label={playing ? "Pause" : "Play through the steps"} class="play">
        {playing ? "❚❚" : "▶"}
      </button>
      <input
        type="range"
        min={0}
        max={Math.max(0, steps.length - 1)}
        value={at}
        aria-label="Step of the measurement"
        aria-valuetext={`step ${steps[at] ?? 0}`}
        onInput={(event) => go(Number(event.currentTarget.value))}
      />
      <output class="num">step {count(steps[at])}</output>
      <button type="button" class="plain" disabled={chosen === undefined} onClick={() => step.set(undefined)} title="Follow the newest measurement">
        newest
      </button>
    </div>
  );
}
