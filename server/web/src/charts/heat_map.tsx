// A class-by-class matrix as colours: rows respond, columns were updated. Drawn on a canvas, so that a
// hundred classes are as quick as three; arrow keys move between cells.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { cellColor, type ColorScale, cssColor, position, textOn } from "../lib/color.js";
import { short } from "../lib/format.js";
import { type Theme, useTheme } from "./theme.js";

export interface Cell {
  responding: number;
  updated: number;
}

export interface HeatMapProps {
  // Row-major [responding][updated].
  values: ArrayLike<number>;
  classes: string[];
  scale: ColorScale;
  // For people who do not see it.
  label: string;
  cell?: Cell;
  onCell?: (cell: Cell | undefined) => void;
  onPick?: (cell: Cell) => void;
  maxSize?: number;
}

interface Layout {
  left: number;
  top: number;
  cell: number;
  width: number;
  height: number;
}

const font = (size: number) => `${size}px system-ui, sans-serif`;

function shorten(text: string, most: number): string {
  const letters = [...text];
  return letters.length <= most ? text : `${letters.slice(0, most - 1).join("")}…`;
}

// Names stand beside their rows and above their columns as long as there is room to read them.
function layout(width: number, classes: string[], maxSize: number): Layout & { names: string[] } {
  const names = classes.map((name) => shorten(name, 14));
  const longest = Math.max(1, ...names.map((name) => [...name].length));
  const room = Math.min(longest * 6.6 + 10, width * 0.3, 104);
  const named = (Math.min(width, maxSize) - room) / classes.length >= 9;
  const left = named ? room : 4;
  const cell = (Math.min(width, maxSize + left) - left - 2) / classes.length;
  const upright = cell < longest * 6.2;
  const top = named ? (upright ? room : 20) : 4;
  return { left, top, cell, width, height: Math.ceil(top + cell * classes.length + 2), names: named ? names : [] };
}

export function HeatMap(props: HeatMapProps) {
  const { values, classes, scale, maxSize = 460 } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const theme = useTheme();
  const plan = layout(width, classes, maxSize);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    if (canvas.current && width > 0) draw(canvas.current, plan, props, theme);
  }, [values, classes, scale, width, theme, props.cell?.responding, props.cell?.updated]);

  const at = (event: MouseEvent): Cell | undefined => {
    const updated = Math.floor((event.offsetX - plan.left) / plan.cell);
    const responding = Math.floor((event.offsetY - plan.top) / plan.cell);
    const inside = updated >= 0 && responding >= 0 && updated < classes.length && responding < classes.length;
    return inside ? { responding, updated } : undefined;
  };
  const onKey = (event: KeyboardEvent) => {
    const moves: Record<string, [number, number]> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const cell = props.cell ?? { responding: 0, updated: 0 };
    if ((event.key === "Enter" || event.key === " ") && props.cell) props.onPick?.(props.cell);
    else if (moves[event.key]) props.onCell?.(props.cell ? moved(cell, moves[event.key] ?? [0, 0], classes.length) : cell);
    else return;
    event.preventDefault();
  };
  return (
    <div class="heat" ref={box}>
      <canvas
        ref={canvas}
        role="img"
        tabIndex={0}
        aria-label={`${props.label}. Arrow keys move between cells.`}
        onMouseMove={(event) => props.onCell?.(at(event))}
        onMouseLeave={() => props.onCell?.(undefined)}
        onClick={(event) => {
          const cell = at(event);
          if (cell) props.onPick?.(cell);
        }}
        onKeyDown={onKey}
        onBlur={() => props.onCell?.(undefined)}
      />
    </div>
  );
}

function moved(cell: Cell, [down, right]: [number, number], size: number): Cell {
  const within = (value: number) => Math.min(size - 1, Math.max(0, value));
  return { responding: within(cell.responding + down), updated: within(cell.updated + right) };
}

function draw(canvas: HTMLCanvasElement, plan: Layout & { names: string[] }, props: HeatMapProps, theme: Theme): void {
  const ratio = devicePixelRatio;
  const pixelWidth = Math.round(plan.width * ratio);
  const pixelHeight = Math.round(plan.height * ratio);
  if (canvas.width !== pixelWidth || canvas.height !== pixelHeight) {
    canvas.width = pixelWidth;
    canvas.height = pixelHeight;
    canvas.style.height = `${plan.height}px`;
  }
  const context = canvas.getContext("2d");
  if (!context) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, plan.width, plan.height);
  drawNames(context, plan, theme);
  drawCells(context, plan, props, theme);
  if (!props.cell) return;
  const x = plan.left + props.cell.updated * plan.cell;
  const y = plan.top + props.cell.responding * plan.cell;
  context.strokeStyle = theme.text;
  context.lineWidth = 2;
  context.strokeRect(x, y, plan.cell, plan.cell);
}

function drawCells(context: CanvasRenderingContext2D, plan: Layout, props: HeatMapProps, theme: Theme): void {
  const { values, classes, scale } = props;
  const size = classes.length;
  const gap = plan.cell > 6 ? 1 : 0;
  const written = plan.cell >= 34;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.font = font(Math.min(15, Math.max(10, plan.cell / 4.2)));
  for (let row = 0; row < size; ++row) {
    for (let column = 0; column < size; ++column) {
      const value = values[row * size + column] ?? NaN;
      const x = plan.left + column * plan.cell;
      const y = plan.top + row * plan.cell;
      if (Number.isNaN(value)) {
        hatch(context, x, y, plan.cell - gap, theme);
        if (written) {
          context.fillStyle = theme.text;
          context.fillText("NaN", x + plan.cell / 2, y + plan.cell / 2);
        }
        continue;
      }
      const color = cellColor(scale, value, theme.dark);
      context.fillStyle = cssColor(color);
      context.fillRect(x, y, plan.cell - gap, plan.cell - gap);
      if (!written) continue;
      context.fillStyle = textOn(color);
      // Never into the neighbour.
      context.fillText(short(value, plan.cell < 48 ? 2 : 3), x + plan.cell / 2, y + plan.cell / 2, plan.cell - 4);
    }
  }
}

function hatch(context: CanvasRenderingContext2D, x: number, y: number, size: number, theme: Theme): void {
  context.fillStyle = theme.panel;
  context.fillRect(x, y, size, size);
  context.save();
  context.beginPath();
  context.rect(x, y, size, size);
  context.clip();
  context.strokeStyle = theme.muted;
  context.lineWidth = 1;
  context.beginPath();
  for (let offset = -size; offset < size; offset += 5) {
    context.moveTo(x + offset, y + size);
    context.lineTo(x + offset + size, y);
  }
  context.globalAlpha = 0.45;
  context.stroke();
  context.restore();
}

function drawNames(context: CanvasRenderingContext2D, plan: Layout & { names: string[] }, theme: Theme): void {
  if (plan.names.length === 0) return;
  context.fillStyle = theme.muted;
  context.font = font(Math.min(12, Math.max(9, plan.cell - 1)));
  context.textBaseline = "middle";
  const upright = plan.top > 20;
  plan.names.forEach((name, i) => {
    const middle = (i + 0.5) * plan.cell;
    context.textAlign = "right";
    context.fillText(name, plan.left - 6, plan.top + middle, plan.left - 8);
    context.save();
    context.translate(plan.left + middle, plan.top - (upright ? 6 : 10));
    if (upright) context.rotate(-Math.PI / 2);
    context.textAlign = upright ? "left" : "center";
    context.fillText(name, 0, 0, upright ? plan.top - 8 : plan.cell - 2);
    context.restore();
  });
}

// The scale beside its ends; a mark where `value` is.
export function ScaleBar({ scale, value }: { scale: ColorScale; value?: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useTheme();
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!canvas.current || !context) return;
    const width = (canvas.current.width = 256);
    const flat = { ...scale, log: false, low: scale.diverging ? -1 : 0, high: 1 };
    for (let x = 0; x < width; ++x) {
      const at = x / (width - 1);
      context.fillStyle = cssColor(cellColor(flat, scale.diverging ? at * 2 - 1 : at, theme.dark));
      context.fillRect(x, 0, 1, 12);
    }
    if (value === undefined || Number.isNaN(value)) return;
    context.fillStyle = theme.text;
    context.fillRect(position(scale, value) * (width - 3), 0, 3, 12);
  }, [scale, value, theme]);
  return (
    <div class="scale-bar">
      <span class="num">{short(scale.low)}</span>
      <canvas ref={canvas} height="12" aria-hidden="true" />
      <span class="num">{short(scale.high)}</span>
      {scale.log && <span class="muted">log</span>}
    </div>
  );
}
