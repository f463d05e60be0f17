// Matrices of several runs side by side on one scale, and what differs from the first, on a scale of their own.
import { useEffect, useMemo, useState } from "preact/hooks";
import { queries } from "../api/clients.js";
import type { RunFeed } from "../api/run_feed.js";
import { drawing } from "../api/series.js";
import { type MatrixSeries, useMatrix } from "../api/use_matrices.js";
import { useCall } from "../api/use_call.js";
import { type Cell, HeatMap, ScaleBar } from "../charts/heat_map.js";
import { type Matrix, nearest } from "../charts/matrix.js";
import type { GetInfluenceDifferenceResponse } from "../generated/hooke/v1/query_pb.js";
import type { Run } from "../generated/hooke/v1/resources_pb.js";
import { scaleFor } from "../lib/color.js";
import { short } from "../lib/format.js";
import type { Plane } from "../lib/keys.js";
import { common } from "../lib/steps.js";
import { type Store, useStore } from "../lib/store.js";
import type { MatrixChoice } from "../pages/run_view.js";
import { planeOf } from "./matrix_panel.js";
import { Scrubber } from "./scrubber.js";
import { useRest } from "./use_step.js";
import { Loading, Panel, Problem } from "./widgets.js";

export interface CompareMatricesProps {
  runs: Run[];
  label: (run: Run) => string;
  choice: MatrixChoice;
  plane: Plane;
  signed: boolean;
  step: Store<number | undefined>;
  feed: RunFeed;
}

const mostSteps = 2000;

export function CompareMatrices(props: CompareMatricesProps) {
  const { runs, choice } = props;
  const names = runs.map(({ name }) => name);
  const steps = useCall(JSON.stringify(["steps", names, choice.series.key]), async (signal) => {
    const columns = await Promise.all(names.map((name) => drawing(name, [`${choice.series.key}.dominance`], {}, mostSteps, signal)));
    return common(columns.map(([column]) => column?.step ?? []));
  });
  if (steps.error !== undefined) return <Problem error={steps.error} again={steps.reload} />;
  if (!steps.value) return <Loading what="matrices" />;
  if (steps.value.length === 0)
    return (
      <Panel title="Which class influences which">
        <p class="quiet">The runs have no step in common at which all were measured.</p>
      </Panel>
    );
  return <SideBySide {...props} steps={steps.value} />;
}

function SideBySide({ runs, label, choice, plane, signed, step, feed, steps }: CompareMatricesProps & { steps: number[] }) {
  const chosen = useStore(step);
  const at = chosen === undefined ? steps.at(-1) : steps[nearest(steps, chosen)];
  const [cell, setCell] = useState<Cell>();
  const [matrices, setMatrices] = useState<Record<string, Matrix | undefined>>({});
  const classes = choice.series.classes;
  const values = runs.map(({ name }) => {
    const matrix = matrices[name];
    return matrix && planeOf(matrix, plane);
  });
  const scale = useMemo(() => scaleFor(values.flatMap((some) => (some ? Array.from(some) : [])), signed, false), [matrices, plane, signed]);
  const rest = useRest(at);
  const others = runs.slice(1);
  const differences = useCall(
    rest === undefined ? undefined : JSON.stringify(["difference", runs.map(({ name }) => name), choice.series.key, rest]),
    (signal) => Promise.all(others.map((run) => differenceOf(run, runs[0], choice, rest ?? 0, signal))),
    JSON.stringify([runs.map(({ name }) => name), choice.series.key]),
  );
  return (
    <Panel title="Which class influences which">
      <p class="caption">
        {choice.series.key}
        {plane === "ratio_of_means" ? " · ratio of means" : ""} · one scale for all
      </p>
      {runs.map((run) => (
        <Reader key={run.name} run={run} choice={choice} step={at} feed={feed} onMatrix={(matrix) => setMatrices((old) => ({ ...old, [run.name]: matrix }))} />
      ))}
      <div class="map-grid">
        {runs.map((run, i) => (
          <Map key={run.name} title={label(run)} values={values[i]} classes={classes} scale={scale} cell={cell} onCell={setCell} step={at} />
        ))}
      </div>
      <ScaleBar scale={scale} />
      <Scrubber steps={steps} step={step} />
      {differences.error !== undefined && <Problem error={differences.error} again={differences.reload} />}
      {differences.value && (
        <Differences runs={runs} label={label} answers={differences.value} cell={cell} onCell={setCell} stale={differences.loading} />
      )}
    </Panel>
  );
}

function differenceOf(run: Run, against: Run | undefined, choice: MatrixChoice, step: number, signal: AbortSignal): Promise<GetInfluenceDifferenceResponse> {
  const { measure, update } = choice;
  const side = (name: string | undefined) => ({ parent: name ?? "", measure, update, step: BigInt(step) });
  return queries.getInfluenceDifference({ side: side(run.name), against: side(against?.name), permutations: 999 }, { signal });
}

// Holds one run's matrices; a component of its own, as the number of runs varies.
function Reader({ run, choice, step, feed, onMatrix }: { run: Run; choice: MatrixChoice; step: number | undefined; feed: RunFeed; onMatrix: (matrix: Matrix | undefined) => void }) {
  const { series, measure, update } = choice;
  const of: MatrixSeries = useMemo(
    () => ({ run: run.name, key: series.key, measure, update, classes: series.classes.length, count: series.count, lastStep: series.lastStep }),
    [run.name, series],
  );
  const { matrix } = useMatrix(of, step, feed);
  useEffect(() => onMatrix(matrix), [matrix]);
  return null;
}

interface MapProps {
  title: string;
  values: ArrayLike<number> | undefined;
  classes: string[];
  scale: ReturnType<typeof scaleFor>;
  cell?: Cell;
  onCell: (cell?: Cell) => void;
  step: number | undefined;
  note?: string;
}

function Map({ title, values, classes, scale, cell, onCell, step, note }: MapProps) {
  return (
    <div>
      <h3 title={title}>{title}</h3>
      {values ? <HeatMap values={values} classes={classes} scale={scale} label={`${title}, step ${step}`} cell={cell} onCell={onCell} maxSize={320} /> : <div class="heat-wait" />}
      <p class="cell-line">
        {cell && values && (
          <>
            {classes[cell.responding]} responds to {classes[cell.updated]}: <b class="num">{short(values[cell.responding * classes.length + cell.updated], 4)}</b>
          </>
        )}
        {note}
      </p>
    </div>
  );
}

function Differences({ runs, label, answers, cell, onCell, stale }: { runs: Run[]; label: (run: Run) => string; answers: GetInfluenceDifferenceResponse[]; cell?: Cell; onCell: (cell?: Cell) => void; stale: boolean }) {
  const tables = useMemo(() => answers.map(({ cells }) => cells.map(({ figure }) => figure?.difference ?? NaN)), [answers]);
  const scale = useMemo(() => scaleFor(tables.flat(), true, false), [tables]);
  const alpha = answers[0]?.alpha ?? 0.05;
  const remarks = [...new Set(answers.flatMap((answer) => answer.remarks))];
  return (
    <>
      <h3 class="apart">Minus {runs[0] ? label(runs[0]) : ""}</h3>
      <div class={`map-grid ${stale ? "stale" : ""}`}>
        {answers.map((answer, i) => {
          const run = runs[i + 1];
          const tested = answer.cells.filter(({ figure }) => figure?.pHolm !== undefined);
          const differing = tested.filter(({ figure }) => (figure?.pHolm ?? 1) <= alpha).length;
          return (
            <Map
              key={i}
              title={run ? label(run) : ""}
              values={tables[i]}
              classes={answer.classNames}
              scale={scale}
              cell={cell}
              onCell={onCell}
              step={Number(answer.side?.steps.at(-1) ?? 0)}
              note={!cell && tested.length > 0 ? `${differing} of ${tested.length} entries differ at the level ${alpha}, after Holm's correction.` : undefined}
            />
          );
        })}
      </div>
      <ScaleBar scale={scale} />
      {remarks.map((remark, i) => (
        <p class="caption" key={i}>
          {remark}
        </p>
      ))}
    </>
  );
}
