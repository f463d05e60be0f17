// S over training for every pair of classes, as the papers draw it: one chart for each updated class, a
// curve with its band for each class that responds.
import { memo } from "preact/compat";
import { useMemo } from "preact/hooks";
import { type Column, everything, type Source } from "../api/series.js";
import type { RunFeed } from "../api/run_feed.js";
import { useColumns } from "../api/use_columns.js";
import type { Curve } from "../charts/curve.js";
import { chartsSvg, seriesCsv } from "../charts/files.js";
import { LineChart, type Zoom } from "../charts/line_chart.js";
import type { Marks } from "../charts/marks.js";
import { type Theme, useTheme } from "../charts/theme.js";
import { curveColor, curveDash } from "../lib/color.js";
import { download } from "../lib/download.js";
import { lastPart } from "../lib/format.js";
import { entryKey, type Plane } from "../lib/keys.js";
import type { Store } from "../lib/store.js";
import { Loading, Panel, Problem, Toggle } from "./widgets.js";

export interface CurvesPanelProps {
  // Names the files, and the charts that share a cursor.
  run: string;
  // Default: the run.
  source?: Source;
  seriesKey: string;
  classes: string[];
  plane: Plane;
  log: boolean;
  bands: boolean;
  // Updated and responding classes that are drawn.
  updated: number[];
  responding: number[];
  caption: string;
  zoom?: Zoom;
  domain?: Zoom;
  step: Store<number | undefined>;
  marks?: Marks;
  feed: RunFeed;
  onZoom: (zoom: Zoom | undefined) => void;
  onStep: (step: number) => void;
  onLog: (log: boolean) => void;
  onBands: (bands: boolean) => void;
}

function curveOf(column: Column, name: string, index: number, own: boolean, bands: boolean, theme: Theme): Curve {
  return {
    label: name,
    color: curveColor(index, theme.dark),
    dash: curveDash(index),
    width: own ? 2.6 : 1.4,
    x: column.step,
    y: column.value,
    sd: bands ? column.sd : undefined,
  };
}

export const CurvesPanel = memo(function CurvesPanel(props: CurvesPanelProps) {
  const { run, seriesKey, classes, plane, log, bands, updated, responding } = props;
  const source = props.source ?? run;
  const overRuns = props.source !== undefined;
  const theme = useTheme();
  const keys = useMemo(
    () => updated.flatMap((column) => responding.map((row) => entryKey(seriesKey, plane, classes[row] ?? "", classes[column] ?? ""))),
    [seriesKey, plane, classes, updated, responding],
  );
  const points = keys.length > 30 ? 300 : 600;
  const answer = useColumns(source, keys, props.zoom ?? {}, points, props.feed);
  const charts = useMemo(() => {
    const columns = answer.value;
    if (!columns) return [];
    return updated.map((column, c) => ({
      title: `update on ${classes[column]}`,
      curves: responding.flatMap((row, r) => {
        const found = columns[c * responding.length + r];
        return found ? [curveOf(found, classes[row] ?? "", row, row === column, bands, theme)] : [];
      }),
    }));
  }, [answer.value, classes, updated, responding, bands, theme]);
  const name = `${lastPart(run)}-${seriesKey}`;
  const saveCsv = async () => download(`${name}.csv`, "text/csv", seriesCsv(await everything(source, keys, props.zoom ?? {})));
  const saveSvg = () => download(`${name}.svg`, "image/svg+xml", chartsSvg(charts, log, `${seriesKey} · ${props.caption}`));
  return (
    <Panel
      title="Influence over training"
      class="curves-panel"
      tools={
        <>
          <Toggle label="log" on={log} onChange={props.onLog} />
          {(plane === "mean" || overRuns) && <Toggle label="± sd" on={bands} onChange={props.onBands} />}
          <button type="button" onClick={saveCsv}>
            CSV
          </button>
          <button type="button" onClick={saveSvg} disabled={charts.length === 0}>
            SVG
          </button>
        </>
      }
    >
      <p class="caption">
        {props.caption}
        {overRuns ? " · means over runs" : ""}
        {bands && overRuns ? " · bands: ± sd over runs" : bands && plane === "mean" ? " · bands: ± sd over pairs" : ""} · the updated class itself is drawn thick
      </p>
      {answer.error !== undefined && <Problem error={answer.error} again={answer.reload} />}
      {!answer.value && answer.loading && <Loading what="curves" />}
      <div class={`chart-grid ${answer.loading ? "stale" : ""}`}>
        {charts.map(({ title, curves }, i) => (
          <div key={i}>
            <h3>{title}</h3>
            <LineChart
              label={`${seriesKey}, ${title}`}
              curves={curves}
              log={log}
              height={charts.length > 4 ? 150 : 200}
              zoom={props.zoom}
              domain={props.domain}
              onZoom={props.onZoom}
              step={props.step}
              onStep={props.onStep}
              marks={props.marks}
              group={run}
            />
          </div>
        ))}
      </div>
    </Panel>
  );
});
