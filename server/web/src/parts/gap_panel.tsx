// How much of the influence a first-order expansion of the net predicts: S of the logits' distance as measured,
// and as predicted, which is the measured one minus the linearity gap that the server has.
import { memo } from "preact/compat";
import { useMemo } from "preact/hooks";
import type { RunFeed } from "../api/run_feed.js";
import type { Column } from "../api/series.js";
import { useColumns } from "../api/use_columns.js";
import type { Curve } from "../charts/curve.js";
import { chartsSvg } from "../charts/files.js";
import { LineChart, type Zoom } from "../charts/line_chart.js";
import { useTheme } from "../charts/theme.js";
import { curveColor } from "../lib/color.js";
import { download } from "../lib/download.js";
import { lastPart } from "../lib/format.js";
import { entryKey, matrixKey } from "../lib/keys.js";
import type { Store } from "../lib/store.js";
import { type MatrixChoice, updatedShown } from "../pages/run_view.js";
import { Loading, Panel, Problem } from "./widgets.js";

const points = 2000;
// Of more classes only the updated class itself is drawn.
const mostResponding = 3;

// The pair of series of one update, where a run has both.
export function gapOf(matrices: MatrixChoice[], update: string): MatrixChoice | undefined {
  const has = (measure: string) => matrices.find((one) => one.measure === measure && one.update === update);
  return has("l2_logit") && has("linearity_gap");
}

// Without steps that one of them lacks: of very long series the server draws other points of each.
function predicted(measured: Column, gap: Column): { x: number[]; y: number[] } {
  const gaps = new Map(gap.step.map((step, i) => [step, gap.value[i] ?? NaN]));
  const x = measured.step.filter((step) => gaps.has(step));
  const values = new Map(measured.step.map((step, i) => [step, measured.value[i] ?? NaN]));
  return { x, y: x.map((step) => (values.get(step) ?? NaN) - (gaps.get(step) ?? NaN)) };
}

export interface GapPanelProps {
  run: string;
  choice: MatrixChoice;
  // The updated class that was picked, of many.
  picked?: string;
  zoom?: Zoom;
  domain?: Zoom;
  onZoom: (zoom: Zoom | undefined) => void;
  step: Store<number | undefined>;
  onStep: (step: number) => void;
  feed: RunFeed;
}

export const GapPanel = memo(function GapPanel({ run, choice, picked, feed, ...chart }: GapPanelProps) {
  const theme = useTheme();
  const classes = choice.series.classes;
  const pairs = useMemo(
    () =>
      updatedShown(classes.length, picked, classes).map((updated) => ({
        updated,
        responding: classes.length <= mostResponding ? classes.map((_, i) => i) : [updated],
      })),
    [classes, picked],
  );
  const keys = useMemo(
    () =>
      ["l2_logit", "linearity_gap"].flatMap((measure) =>
        pairs.flatMap(({ updated, responding }) => responding.map((row) => entryKey(matrixKey(measure, choice.update), "mean", classes[row] ?? "", classes[updated] ?? ""))),
      ),
    [choice, classes, pairs],
  );
  const answer = useColumns(run, keys, chart.zoom ?? {}, points, feed);
  const charts = useMemo(() => {
    const columns = answer.value;
    if (!columns) return [];
    const half = columns.length / 2;
    let at = 0;
    return pairs.map(({ updated, responding }) => ({
      title: `update on ${classes[updated]}`,
      curves: responding.flatMap((row): Curve[] => {
        const [measured, gap] = [columns[at], columns[at + half]];
        ++at;
        if (!measured || !gap) return [];
        const color = curveColor(row, theme.dark);
        return [
          { label: `${classes[row]}, measured`, color, width: 1.8, x: measured.step, y: measured.value },
          { label: `${classes[row]}, predicted`, color, dash: [5, 4], width: 1.8, ...predicted(measured, gap) },
        ];
      }),
    }));
  }, [answer.value, pairs, classes, theme]);
  const title = "Measured and predicted to first order";
  const saveSvg = () => download(`${lastPart(run)}-linearity.svg`, "image/svg+xml", chartsSvg(charts, false, title));
  return (
    <Panel
      title={title}
      tools={
        <button type="button" onClick={saveSvg} disabled={charts.length === 0}>
          SVG
        </button>
      }
    >
      <p class="caption">
        S of the logits' distance{choice.update ? ` · update ${choice.update}` : ""} · what a net that is linear in its weights would do is dashed: where the two part, the step was too large for it
      </p>
      {answer.error !== undefined && <Problem error={answer.error} again={answer.reload} />}
      {!answer.value && answer.loading && <Loading what="the linearity gap" />}
      <div class="chart-grid">
        {charts.map(({ title: name, curves }, i) => (
          <div key={i}>
            <h3>{name}</h3>
            <LineChart label={`${title}, ${name}`} curves={curves} height={150} group={run} {...chart} />
          </div>
        ))}
      </div>
    </Panel>
  );
});
