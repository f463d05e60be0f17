// Influence as the mean over the runs of an experiment: the matrix at a step, and over training.
import { useCallback, useMemo } from "preact/hooks";
import type { RunFeed } from "../api/run_feed.js";
import { useColumns } from "../api/use_columns.js";
import type { Zoom } from "../charts/line_chart.js";
import type { GetInfluenceResponse } from "../generated/hooke/v1/query_pb.js";
import type { Plane } from "../lib/keys.js";
import { show, useAddress } from "../lib/route.js";
import type { Store } from "../lib/store.js";
import { type MatrixChoice, updatedShown } from "../pages/run_view.js";
import { CurvesPanel } from "./curves_panel.js";
import { MatrixPanel } from "./matrix_panel.js";
import { Loading, Problem, Select } from "./widgets.js";

export interface ExperimentInfluenceProps {
  parent: string;
  choice: MatrixChoice;
  matrices: MatrixChoice[];
  // The newest answer: signed or not, how many runs.
  kind: GetInfluenceResponse;
  plane: Plane;
  zoom?: Zoom;
  domain: Zoom;
  onZoom: (zoom?: Zoom) => void;
  step: Store<number | undefined>;
  onStep: (step: number) => void;
  feed: RunFeed;
}

const mostSteps = 2000;

export function MatrixSelect({ choice, matrices }: { choice: MatrixChoice; matrices: MatrixChoice[] }) {
  return (
    <Select
      label="Measure"
      value={choice.series.key}
      choices={matrices.map(({ series }) => ({ value: series.key, label: `${series.key}${series.description ? ` · ${series.description.split(" · ").at(-1)}` : ""}` }))}
      onChange={(key) => {
        const found = matrices.find(({ series }) => series.key === key);
        show({ measure: found?.measure, update: found?.update, phases: undefined, plane: undefined }, true);
      }}
    />
  );
}

export function ExperimentInfluence(props: ExperimentInfluenceProps) {
  const { parent, choice, kind, plane } = props;
  const { params } = useAddress();
  const { series, measure, update } = choice;
  const keys = useMemo(() => [`${series.key}.dominance`], [series.key]);
  const steps = useColumns(parent, keys, props.zoom ?? {}, mostSteps, props.feed);
  const matrix = useMemo(
    () => ({ run: parent, mean: true, key: series.key, measure, update, classes: series.classes.length, count: series.count, lastStep: series.lastStep }),
    [parent, series],
  );
  const responding = useMemo(() => series.classes.map((_, i) => i), [series]);
  const updated = useMemo(() => updatedShown(series.classes.length, params.updated, series.classes), [series, params.updated]);
  const onLog = useCallback((log: boolean) => show({ y: log ? "log" : undefined }), []);
  const onBands = useCallback((bands: boolean) => show({ bands: bands ? undefined : "off" }), []);
  // The matrix is asked for where all runs have one.
  const known = steps.value?.[0]?.step.filter((step) => step <= Number(kind.steps.at(-1) ?? 0));
  if (steps.error !== undefined) return <Problem error={steps.error} again={steps.reload} />;
  if (!known) return <Loading what="influence" />;
  return (
    <>
      <div class="toolbar" role="toolbar" aria-label="Which influence">
        <MatrixSelect choice={choice} matrices={props.matrices} />
      </div>
      <div class="influence">
        <MatrixPanel
          series={matrix}
          classes={series.classes}
          steps={known}
          step={props.step}
          plane={plane}
          signed={kind.isSigned}
          caption={`${series.key} · ${kind.description} · mean over ${kind.runs.length} runs${plane === "ratio_of_means" ? " · ratio of means" : ""}`}
          feed={props.feed}
          onPick={(column) => show({ updated: series.classes[column] })}
        />
        <CurvesPanel
          run={parent}
          source={parent}
          seriesKey={series.key}
          classes={series.classes}
          plane={plane}
          log={params.y === "log"}
          bands={params.bands !== "off"}
          updated={updated}
          responding={responding}
          caption={kind.description}
          zoom={props.zoom}
          domain={props.domain}
          step={props.step}
          feed={props.feed}
          onZoom={props.onZoom}
          onStep={props.onStep}
          onLog={onLog}
          onBands={onBands}
        />
      </div>
    </>
  );
}
