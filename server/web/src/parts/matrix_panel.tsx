// The matrix at one step: heat map, scrubber, figures with their intervals.
import { useMemo, useState } from "preact/hooks";
import { queries } from "../api/clients.js";
import { fromInfluence, type Matrices, type MatrixSeries, useMatrix } from "../api/use_matrices.js";
import type { RunFeed } from "../api/run_feed.js";
import { useCall } from "../api/use_call.js";
import { type Cell, HeatMap, ScaleBar } from "../charts/heat_map.js";
import { matrixCsv } from "../charts/files.js";
import { type Matrix, nearest, sum } from "../charts/matrix.js";
import { matrixSvg } from "../charts/matrix_svg.js";
import { type Estimate, type GetInfluenceResponse, IntervalKind } from "../generated/hooke/v1/query_pb.js";
import { type ColorScale, scaleFor } from "../lib/color.js";
import { download } from "../lib/download.js";
import { count, lastPart, short } from "../lib/format.js";
import type { Plane } from "../lib/keys.js";
import { show, useAddress } from "../lib/route.js";
import { type Store, useStore } from "../lib/store.js";
import { Scrubber } from "./scrubber.js";
import { useRest } from "./use_step.js";
import { Panel, Problem, Select } from "./widgets.js";

export interface MatrixPanelProps {
  series: MatrixSeries;
  classes: string[];
  steps: number[];
  step: Store<number | undefined>;
  plane: Plane;
  signed: boolean;
  caption: string;
  feed: RunFeed;
  onPick: (updated: number) => void;
}

export function planeOf(matrix: Matrix, plane: Plane): ArrayLike<number> {
  return plane === "mean" ? matrix.mean : matrix.ratio;
}

// One scale for every step, so that colours can be compared while scrubbing. Of very many values a part is
// enough; single ones far beyond the others are shown at the end of the scale.
function scaleOfAll(matrices: Matrices, plane: Plane, signed: boolean, log: boolean): ColorScale {
  const values: number[] = [];
  for (const matrix of matrices.all()) for (const value of Array.from(planeOf(matrix, plane))) if (Number.isFinite(value)) values.push(value);
  const stride = Math.ceil(values.length / 20_000);
  const sample = stride > 1 ? values.filter((_, i) => i % stride === 0) : values;
  sample.sort((a, b) => a - b);
  const cut = sample.length > 200 ? Math.floor(sample.length * 0.005) : 0;
  return scaleFor(sample.slice(cut, sample.length - cut), signed, log);
}

export function MatrixPanel(props: MatrixPanelProps) {
  const { series, classes, steps, plane, signed } = props;
  const { params } = useAddress();
  const chosen = useStore(props.step);
  const step = chosen === undefined ? steps.at(-1) : steps[nearest(steps, chosen)];
  const { matrix, matrices, known } = useMatrix(series, step, props.feed);
  const [hovered, setHovered] = useState<Cell>();
  const log = params.color === "log";
  const each = params.range === "each";
  const scale = useMemo(() => {
    if (each || !matrices) return scaleFor(Array.from(matrix ? planeOf(matrix, plane) : []), signed, log);
    return scaleOfAll(matrices, plane, signed, log);
  }, [matrices, each ? matrix : known, plane, signed, log, each]);
  const rest = useRest(step);
  const figures = useCall(
    rest === undefined ? undefined : JSON.stringify([series.run, series.key, rest]),
    (signal) =>
      queries.getInfluence(
        { parent: series.run, measure: series.measure, update: series.update, step: BigInt(rest ?? 0) },
        { signal },
      ),
    series.key,
  );
  const values = matrix ? planeOf(matrix, plane) : undefined;
  const save = () => {
    if (figures.value) download(`${lastPart(series.run)}-${series.key}-${figures.value.steps.at(-1)}.csv`, "text/csv", matrixCsv(fromInfluence(figures.value), classes));
  };
  const draw = () => {
    if (values && matrix) download(`${lastPart(series.run)}-${series.key}-${matrix.step}.svg`, "image/svg+xml", matrixSvg(values, classes, scale, `${series.key}, step ${matrix.step}`));
  };
  return (
    <Panel
      title="Which class influences which"
      class="matrix-panel"
      tools={
        <>
          <Select
            label="Scale"
            value={each ? "each" : ""}
            choices={[
              { value: "", label: "same at every step" },
              { value: "each", label: "this step's own" },
            ]}
            onChange={(value) => show({ range: value })}
          />
          {!signed && (
            <Select
              label="Colours"
              value={log ? "log" : ""}
              choices={[
                { value: "", label: "linear" },
                { value: "log", label: "logarithmic" },
              ]}
              onChange={(value) => show({ color: value })}
            />
          )}
          <button type="button" onClick={save} disabled={!figures.value}>
            CSV
          </button>
          <button type="button" onClick={draw} disabled={!values || !matrix}>
            SVG
          </button>
        </>
      }
    >
      <p class="caption">{props.caption}</p>
      <div class="axis-names">
        <span>rows respond ↓</span>
        <span>columns were updated →</span>
      </div>
      {values ? (
        <HeatMap
          values={values}
          classes={classes}
          scale={scale}
          label={`Influence between ${classes.length} classes at step ${matrix?.step}`}
          cell={hovered}
          onCell={setHovered}
          onPick={(cell) => props.onPick(cell.updated)}
        />
      ) : (
        <div class="heat-wait" />
      )}
      <ScaleBar scale={scale} value={hovered && values ? values[hovered.responding * classes.length + hovered.updated] : undefined} />
      <CellLine cell={hovered} matrix={matrix} classes={classes} counts={figures.value} plane={plane} />
      <Scrubber steps={steps} step={props.step} />
      {figures.error !== undefined && <Problem error={figures.error} again={figures.reload} />}
      {figures.value && <Figures answer={figures.value} classes={classes} />}
      {classes.length <= 12 && matrix && <Table matrix={matrix} classes={classes} plane={plane} />}
    </Panel>
  );
}

function CellLine({ cell, matrix, classes, counts, plane }: { cell?: Cell; matrix?: Matrix; classes: string[]; counts?: GetInfluenceResponse; plane: Plane }) {
  if (!matrix) return <p class="cell-line" />;
  if (!cell) {
    const [skipped, bad] = [sum(matrix.skipped), sum(matrix.nonfinite)];
    const odd = [skipped > 0 ? `${count(skipped)} pairs skipped (denominator 0)` : "", bad > 0 ? `${count(bad)} ratios not finite` : ""].filter(Boolean);
    return <p class="cell-line muted">{odd.length > 0 ? odd.join(" · ") : "Every pair counts: none skipped, all finite."}</p>;
  }
  const at = cell.responding * matrix.size + cell.updated;
  const own = counts && Number(counts.steps.at(-1)) === matrix.step ? counts.cells[at] : undefined;
  return (
    <p class="cell-line" aria-live="polite">
      <b>{classes[cell.responding]}</b> responds to an update on <b>{classes[cell.updated]}</b>:{" "}
      <span class="num strong">{short(plane === "mean" ? matrix.mean[at] : matrix.ratio[at], 4)}</span>{" "}
      <span class="num">
        {plane === "mean" ? `± ${short(matrix.sd[at])} sd` : "ratio of means"}
        {own?.low !== undefined && own.high !== undefined ? ` [${short(own.low)}, ${short(own.high)}]` : ""}
        {own ? ` · ${count(own.count)} pairs` : ""}
        {matrix.skipped[at] ? ` · ${count(matrix.skipped[at])} skipped` : ""}
        {matrix.nonfinite[at] ? ` · ${count(matrix.nonfinite[at])} not finite` : ""}
      </span>
    </p>
  );
}

export function estimate(figure: Estimate | undefined): string {
  if (!figure) return "–";
  const interval = figure.low !== undefined && figure.high !== undefined ? ` [${short(figure.low)}, ${short(figure.high)}]` : "";
  return `${short(figure.value)}${interval}`;
}

function Figures({ answer, classes }: { answer: GetInfluenceResponse; classes: string[] }) {
  const selectivity = answer.selectivity.map((figure, i) => ({ name: classes[i] ?? "", figure }));
  return (
    <>
      <dl class="figures">
        <div>
          <dt title="Mean of the diagonal minus mean off it">dominance</dt>
          <dd class="num">{estimate(answer.dominance)}</dd>
        </div>
        <div>
          <dt title="Mean of the diagonal over mean off it">dominance ratio</dt>
          <dd class="num">{estimate(answer.dominanceRatio)}</dd>
        </div>
        <div>
          <dt title="Norm of A − Aᵀ over norm of A; 0: symmetric">asymmetry</dt>
          <dd class="num">{estimate(answer.asymmetry)}</dd>
        </div>
        {classes.length <= 12 && (
          <div class="wide">
            <dt title="Of each updated class: its diagonal entry over its column's mean">selectivity</dt>
            <dd>
              {selectivity.map(({ name, figure }, i) => (
                <span class="pair" key={i}>
                  {name} <span class="num">{estimate(figure)}</span>
                </span>
              ))}
            </dd>
          </div>
        )}
      </dl>
      {answer.level > 0 && (
        <p class="caption">
          Intervals: {short(answer.level * 100)} %, {answer.interval === IntervalKind.RUNS ? `over ${answer.runs.length} runs` : "bootstrap over probes"}.
        </p>
      )}
    </>
  );
}

function Table({ matrix, classes, plane }: { matrix: Matrix; classes: string[]; plane: Plane }) {
  const values = planeOf(matrix, plane);
  return (
    <details class="values">
      <summary>Values as a table</summary>
      <div class="scroll">
        <table>
          <caption class="hidden">Influence at step {matrix.step}; rows respond, columns were updated</caption>
          <thead>
            <tr>
              <th scope="col">responds \ updated</th>
              {classes.map((name, i) => (
                <th scope="col" key={i}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {classes.map((name, row) => (
              <tr key={row}>
                <th scope="row">{name}</th>
                {classes.map((_, column) => (
                  <td class="num" key={column}>
                    {short(values[row * matrix.size + column])}
                    {plane === "mean" ? ` ± ${short(matrix.sd[row * matrix.size + column], 2)}` : ""}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
