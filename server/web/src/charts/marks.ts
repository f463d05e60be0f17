// Phases behind a chart: elastic stretches shaded, transitions with their intervals.
import type uPlot from "uplot";
import { withAlpha } from "../lib/color.js";
import type { Theme } from "./theme.js";

export interface Marks {
  // Stretches of steps that are shaded.
  elastic: { from: number; to: number }[];
  // Transitions; an interval whose ends are NaN is not known.
  transitions: { step: number; low: number; high: number }[];
}

export function drawMarks(plot: uPlot, marks: Marks | undefined, theme: Theme): void {
  if (!marks) return;
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const x = (step: number) => Math.min(bbox.left + bbox.width, Math.max(bbox.left, plot.valToPos(step, "x", true)));
  ctx.save();
  ctx.fillStyle = withAlpha(theme.elastic, theme.dark ? 0.16 : 0.12);
  for (const { from, to } of marks.elastic) ctx.fillRect(x(from), bbox.top, x(to) - x(from), bbox.height);
  for (const { step, low, high } of marks.transitions) {
    if (Number.isFinite(low) && Number.isFinite(high)) {
      ctx.fillStyle = withAlpha(theme.transition, 0.16);
      ctx.fillRect(x(low), bbox.top, Math.max(x(high) - x(low), ratio), bbox.height);
    }
    ctx.fillStyle = theme.transition;
    ctx.fillRect(x(step) - ratio * 0.75, bbox.top, 1.5 * ratio, bbox.height);
  }
  ctx.restore();
}
