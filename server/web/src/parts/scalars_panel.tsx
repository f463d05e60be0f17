// Scalar series of a run, a chart for each group: loss, accuracy, and whatever else is chosen.
import { memo } from "preact/compat";
import { useMemo } from "preact/hooks";
import { everything } from "../api/series.js";
import type { RunFeed } from "../api/run_feed.js";
import { useColumns } from "../api/use_columns.js";
import { chartsSvg, seriesCsv } from "../charts/files.js";
import { LineChart, type Zoom } from "../charts/line_chart.js";
import { useTheme } from "../charts/theme.js";
import { curveColor, curveDash } from "../lib/color.js";
import { download } from "../lib/download.js";
import { lastPart } from "../lib/format.js";
import type { Store } from "../lib/store.js";
import { Loading, Panel, Problem, Toggle } from "./widgets.js";

export interface ScalarsPanelProps {
  run: string;
  title: string;
  keys: string[];
  log: boolean;
  onLog: (log: boolean) => void;
  zoom?: Zoom;
  domain?: Zoom;
  onZoom: (zoom: Zoom | undefined) => void;
  step?: Store<number | undefined>;
  onStep?: (step: number) => void;
  feed: RunFeed;
  onRemove?: () => void;
}

const points = 1000;

export const ScalarsPanel = memo(function ScalarsPanel(props: ScalarsPanelProps) {
  const { run, title, keys, log } = props;
  const theme = useTheme();
  const answer = useColumns(run, keys, props.zoom ?? {}, points, props.feed);
  const curves = useMemo(
    () =>
      (answer.value ?? []).map((column, i) => ({
        label: column.key,
        color: curveColor(i, theme.dark),
        dash: curveDash(i),
        x: column.step,
        y: column.value,
        sd: column.sd,
      })),
    [answer.value, theme],
  );
  const name = `${lastPart(run)}-${title}`;
  const saveCsv = async () => download(`${name}.csv`, "text/csv", seriesCsv(await everything(run, keys, props.zoom ?? {})));
  const saveSvg = () => download(`${name}.svg`, "image/svg+xml", chartsSvg([{ title, curves }], log, run));
  return (
    <Panel
      title={title}
      tools={
        <>
          <Toggle label="log" on={log} onChange={props.onLog} />
          <button type="button" onClick={saveCsv}>
            CSV
          </button>
          <button type="button" onClick={saveSvg} disabled={curves.length === 0}>
            SVG
          </button>
          {props.onRemove && (
            <button type="button" class="plain" onClick={props.onRemove} aria-label={`Remove ${title}`}>
              ✕
            </button>
          )}
        </>
      }
    >
      {answer.error !== undefined && <Problem error={answer.error} again={answer.reload} />}
      {!answer.value && answer.loading && <Loading what={title} />}
      {answer.value && (
        <LineChart
          label={title}
          curves={curves}
          log={log}
          zoom={props.zoom}
          domain={props.domain}
          onZoom={props.onZoom}
          step={props.step}
          onStep={props.onStep}
          group={run}
        />
      )}
    </Panel>
  );
});
