// Curves over training steps: zoom by dragging, a step by clicking, values under the cursor in the legend.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { withAlpha } from "../lib/color.js";
import { count, short } from "../lib/format.js";
import type { Store } from "../lib/store.js";
import { align, type Aligned, type Curve, extent } from "./curve.js";
import { drawMarks, type Marks } from "./marks.js";
import { type Theme, useTheme } from "./theme.js";
import { ticks } from "./ticks.js";

export interface Zoom {
  from: number;
  to: number;
}

export interface LineChartProps {
  // For people who do not see it.
  label: string;
  curves: Curve[];
  log?: boolean;
  height?: number;
  // Steps shown; default: all there are.
  zoom?: Zoom;
  // First and last step that the data may have, so that charts of one run share an axis.
  domain?: Zoom;
  onZoom?: (zoom: Zoom | undefined) => void;
  // The step that is looked at; a store, since it changes many times a second while scrubbing.
  step?: Store<number | undefined>;
  onStep?: (step: number) => void;
  marks?: Marks;
  // Charts of one group share their cursor.
  group?: string;
  legend?: boolean;
}

const fallback: Zoom = { from: 0, to: 1 };

function shownRange({ zoom, domain }: LineChartProps, aligned: Aligned): Zoom {
  if (zoom) return zoom;
  const from = Math.min(domain?.from ?? Infinity, aligned.x[0] ?? Infinity);
  const to = Math.max(domain?.to ?? -Infinity, aligned.x.at(-1) ?? -Infinity);
  if (from > to) return fallback;
  return from === to ? { from: from - 1, to: to + 1 } : { from, to };
}

// uPlot's own columns: x, then for each curve its values, and its band's ends where it has one.
function columnsOf(aligned: Aligned, curves: Curve[]): uPlot.AlignedData {
  const columns: (number | null | undefined)[][] = [];
  curves.forEach((curve, i) => {
    columns.push(aligned.y[i] ?? []);
    if (curve.sd?.length) columns.push(aligned.high[i] ?? [], aligned.low[i] ?? []);
  });
  return [aligned.x, ...columns] as uPlot.AlignedData;
}

function seriesOf(curves: Curve[]): { series: uPlot.Series[]; bands: uPlot.Band[]; places: number[] } {
  const series: uPlot.Series[] = [{}];
  const bands: uPlot.Band[] = [];
  const places: number[] = [];
  for (const curve of curves) {
    places.push(series.length);
    series.push({
      label: curve.label,
      stroke: curve.color,
      width: curve.width ?? 1.6,
      dash: curve.dash,
      points: { size: 5, show: (plot, _index, first, last) => last - first < plot.bbox.width / 40 },
    });
    if (!curve.sd?.length) continue;
    const edge = { stroke: "transparent", width: 0, points: { show: false } };
    bands.push({ series: [series.length, series.length + 1], fill: withAlpha(curve.color, 0.14) });
    series.push(edge, edge);
  }
  return { series, bands, places };
}

function axes(theme: Theme, log: boolean, height: number): uPlot.Axis[] {
  const shared = {
    stroke: theme.muted,
    font: "11px system-ui, sans-serif",
    grid: { stroke: theme.grid, width: 1 },
    ticks: { stroke: theme.grid, width: 1, size: 4 },
  };
  const stepText = (value: number) => (Number.isInteger(value) ? (value >= 1e5 ? short(value) : count(value)) : "");
  return [
    { ...shared, size: 26, space: 64, values: (_plot, splits) => splits.map(stepText) },
    {
      ...shared,
      size: 52,
      splits: (_plot, _axis, low, high) => ticks(low, high, log, Math.max(2, Math.round(height / 30))),
      filter: (_plot, splits) => splits,
      values: (_plot, splits) => splits.map((value) => short(value, 3)),
    },
  ];
}

export function LineChart(props: LineChartProps) {
  const { curves, log = false, height = 190 } = props;
  const theme = useTheme();
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>();
  const latest = useRef(props);
  latest.current = props;
  const aligned = useMemo(() => align(curves, log), [curves, log]);
  const shown = shownRange(props, aligned);
  const state = useRef({ aligned, shown });
  state.current = { aligned, shown };
  const [index, setIndex] = useState<number | null>(null);

  // What makes another plot, rather than other data in the same one.
  const structure = JSON.stringify([
    curves.map(({ label, color, dash, width, sd }) => [label, color, dash, width, Boolean(sd?.length)]),
    log,
    height,
    theme.dark,
    props.group,
  ]);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const { series, bands } = seriesOf(latest.current.curves);
    const line = document.createElement("div");
    line.className = "step-line";
    const placeStep = (self: uPlot) => {
      const step = latest.current.step?.get();
      const x = step === undefined ? -1 : self.valToPos(step, "x");
      line.hidden = !(x >= 0 && x <= self.over.clientWidth);
      line.style.transform = `translateX(${x}px)`;
    };
    const made = new uPlot(
      {
        width: Math.max(element.clientWidth, 50),
        height,
        series,
        bands,
        axes: axes(theme, log, height),
        legend: { show: false },
        padding: [8, 12, 0, 0],
        scales: {
          x: { time: false, range: () => [state.current.shown.from, state.current.shown.to] },
          y: {
            distr: log ? 3 : 1,
            range: () => extent(state.current.aligned, state.current.shown.from, state.current.shown.to, log),
          },
        },
        cursor: {
          drag: { x: true, y: false, setScale: false },
          sync: props.group ? { key: props.group, setSeries: false, scales: ["x", null] } : undefined,
          points: { size: 6 },
          focus: { prox: 16 },
        },
        hooks: {
          setCursor: [(self) => setIndex(self.cursor.idx ?? null)],
          setSelect: [(self) => onSelect(self, latest.current)],
          drawClear: [(self) => drawMarks(self, latest.current.marks, theme)],
          draw: [(self) => drawNonfinite(self, state.current.aligned.nonfinite, theme), placeStep],
        },
      },
      columnsOf(state.current.aligned, latest.current.curves),
      element,
    );
    plot.current = made;
    made.over.append(line);
    placeStep(made);
    const endStep = latest.current.step?.watch(() => placeStep(made));
    const clicks = (event: MouseEvent) => onClick(made, event, latest.current);
    made.over.addEventListener("click", clicks);
    const observer = new ResizeObserver(() => made.setSize({ width: Math.max(element.clientWidth, 50), height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      endStep?.();
      made.destroy();
      plot.current = undefined;
    };
  }, [structure, props.step]);

  useEffect(() => {
    plot.current?.setData(columnsOf(aligned, curves));
  }, [aligned, shown.from, shown.to]);

  useEffect(() => plot.current?.redraw(false), [props.marks]);

  const keys = (event: KeyboardEvent) => onKey(event, latest.current, state.current.shown);
  return (
    <figure class="chart" role="group" aria-label={`${props.label}. Drag, or press plus and minus, to zoom; 0 shows all.`} tabIndex={0} onKeyDown={keys}>
      <div class="plot" ref={box} onDblClick={() => props.onZoom?.(undefined)} />
      {props.legend !== false && <Legend curves={curves} aligned={aligned} index={index} />}
      <Notes aligned={aligned} />
    </figure>
  );
}

function onSelect(plot: uPlot, { onZoom }: LineChartProps): void {
  const { left, width } = plot.select;
  if (width < 4) return;
  const from = Math.max(0, Math.floor(plot.posToVal(left, "x")));
  const to = Math.ceil(plot.posToVal(left + width, "x"));
  plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  if (to > from) onZoom?.({ from, to });
}

// The measured step nearest to the click. A drag ends with a click as well, but with a selection.
function onClick(plot: uPlot, event: MouseEvent, { onStep }: LineChartProps): void {
  if (!onStep || event.detail > 1 || plot.select.width > 3) return;
  const index = plot.cursor.idx;
  const step = index === null || index === undefined ? undefined : plot.data[0][index];
  if (step !== undefined) onStep(step);
}

function onKey(event: KeyboardEvent, { onZoom, domain }: LineChartProps, shown: Zoom): void {
  if (!onZoom || event.ctrlKey || event.metaKey || event.altKey) return;
  const size = shown.to - shown.from;
  const middle = (shown.from + shown.to) / 2;
  const around = (half: number, by = 0) => {
    const from = Math.max(domain?.from ?? 0, Math.floor(middle + by - half));
    const to = Math.min(domain?.to ?? Infinity, Math.ceil(middle + by + half));
    if (to > from) onZoom({ from, to });
  };
  if (event.key === "+" || event.key === "=") around(size / 4);
  else if (event.key === "-") around(size);
  else if (event.key === "0" || event.key === "Escape") onZoom(undefined);
  else if (event.key === "ArrowLeft") around(size / 2, -size / 4);
  else if (event.key === "ArrowRight") around(size / 2, size / 4);
  else return;
  event.preventDefault();
}

// Where values are not finite: marks at the foot, as nothing can be drawn.
function drawNonfinite(plot: uPlot, nonfinite: number[], theme: Theme): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const foot = bbox.top + bbox.height;
  ctx.save();
  ctx.fillStyle = theme.warn;
  for (const bad of nonfinite) {
    const x = plot.valToPos(bad, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x - 4 * ratio, foot);
    ctx.lineTo(x + 4 * ratio, foot);
    ctx.lineTo(x, foot - 7 * ratio);
    ctx.fill();
  }
  ctx.restore();
}

function Legend({ curves, aligned, index }: { curves: Curve[]; aligned: Aligned; index: number | null }) {
  const step = index === null ? undefined : aligned.x[index];
  return (
    <figcaption class="legend">
      {curves.map((curve, i) => {
        const at = step === undefined ? undefined : curve.x.indexOf(step);
        const value = at === undefined ? curve.y.at(-1) : at < 0 ? undefined : curve.y[at];
        const sd = at === undefined ? curve.sd?.at(-1) : at < 0 ? undefined : curve.sd?.[at];
        return (
          <span key={i} class="legend-item">
            <Swatch color={curve.color} dash={curve.dash} width={curve.width} />
            <span class="legend-name">{curve.label}</span>
            {aligned.y[i] && (
              <span class="num">
                {short(value)}
                {sd !== undefined && Number.isFinite(sd) ? ` ± ${short(sd, 2)}` : ""}
              </span>
            )}
          </span>
        );
      })}
      {step !== undefined && <span class="legend-step num">step {count(step)}</span>}
    </figcaption>
  );
}

export function Swatch({ color, dash, width = 2 }: { color: string; dash?: number[]; width?: number }) {
  return (
    <svg class="swatch" width="18" height="8" aria-hidden="true">
      <line x1="0" y1="4" x2="18" y2="4" stroke={color} stroke-width={width + 0.5} stroke-dasharray={dash?.join(" ")} />
    </svg>
  );
}

function Notes({ aligned }: { aligned: Aligned }) {
  const notes: string[] = [];
  if (aligned.nonfinite.length > 0) notes.push(`▲ NaN or infinite at ${count(aligned.nonfinite.length)} steps shown`);
  if (aligned.hidden > 0) notes.push(`${count(aligned.hidden)} values are not positive: a log scale cannot show them`);
  return notes.length === 0 ? null : <p class="chart-note">{notes.join(" · ")}</p>;
}
