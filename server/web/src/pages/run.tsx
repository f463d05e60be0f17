// One run: which class influences which, and when training changes phase; loss and accuracy; what the machine did;
// where it came from.
import { useCallback, useEffect, useMemo, useRef } from "preact/hooks";
import { experiments, queries } from "../api/clients.js";
import { getPhases, marksOf } from "../api/phases.js";
import { isLive, RunFeed } from "../api/run_feed.js";
import { allSeries, type Stored } from "../api/stored.js";
import { type Answer, useCall } from "../api/use_call.js";
import { useColumns } from "../api/use_columns.js";
import type { Zoom } from "../charts/line_chart.js";

import type { RunPhases } from "../generated/hooke/v1/query_pb.js";
import type { Run } from "../generated/hooke/v1/resources_pb.js";
import { listParam, stepParam } from "../lib/address.js";
import { show, useAddress } from "../lib/route.js";
import { useStore } from "../lib/store.js";
import { CurvesPanel } from "../parts/curves_panel.js";
import { RunDetails } from "../parts/details.js";
import { GapPanel, gapOf } from "../parts/gap_panel.js";
import { MatrixPanel } from "../parts/matrix_panel.js";
import { PhasesPanel, scaleOf } from "../parts/phases_panel.js";
import { RunHeader } from "../parts/run_header.js";
import { ScalarsPanel } from "../parts/scalars_panel.js";
import { SeriesPicker } from "../parts/series_picker.js";
import { useStepStore } from "../parts/use_step.js";
import { Empty, Loading, Problem, Select } from "../parts/widgets.js";
import { configured, matricesOf, type MatrixChoice, phaseChoices, planeOf, scalarGroups, systemGroups, updatedShown, zoomOf } from "./run_view.js";

export function RunPage({ id }: { id: string }) {
  const answer = useCall(id, async (signal) => {
    // The run first: what is later than its step comes with the stream.
    const askedAt = performance.now();
    const run = await experiments.getRun({ name: `experiments/-/runs/${id}` }, { signal });
    return { run, askedAt, stored: await allSeries(run.name, signal) };
  });
  useEffect(() => {
    document.title = `${id} · Hooke`;
  }, [id]);
  if (answer.value) return <Loaded key={answer.value.run.name} {...answer.value} reload={answer.reload} />;
  if (answer.error !== undefined) return <Problem error={answer.error} again={answer.reload} />;
  return <Loading what="the run" />;
}

// The run as it is now: what the page loaded, or what the stream has sent since.
function newest(loaded: Run, streamed: Run | undefined): Run {
  if (!streamed) return loaded;
  return {
    ...loaded,
    ...streamed,
    history: streamed.history.length > 0 ? streamed.history : loaded.history,
    provenance: streamed.provenance ?? loaded.provenance,
    logTail: streamed.logTail.length > 0 ? streamed.logTail : loaded.logTail,
    configHistory: loaded.configHistory,
  };
}

function Loaded({ run: loaded, askedAt, stored, reload }: { run: Run; askedAt: number; stored: Stored[]; reload: () => void }) {
  const { params } = useAddress();
  const feed = useMemo(() => new RunFeed(loaded.name, loaded.attempt), [loaded.name]);
  useEffect(() => () => feed.close(), [feed]);
  const streamed = useStore(feed.run);
  // A stream ends with the run; what a retry has made of it since is known from asking again alone.
  const run = newest(loaded, feed.heardAt > askedAt ? streamed : undefined);
  const { measures, updates } = useMemo(() => configured(run.configJson), [run.configJson]);
  const matrices = useMemo(() => matricesOf(stored, measures, updates), [stored, measures, updates]);
  const scalars = useMemo(() => stored.filter(({ kind, count }) => kind === "scalar" && count > 0), [stored]);
  const wanted = params.measure ?? matrices[0]?.measure;
  const choice = matrices.find(({ measure, update }) => measure === wanted && update === (params.update ?? "")) ?? matrices.find(({ measure }) => measure === params.measure) ?? matrices[0];
  const zoom = useZoom(params);
  const domain = useMemo(() => ({ from: 0, to: Math.max(1, Number(run.step)) }), [run.step]);
  const step = useStepStore(run.name);
  const onStep = useCallback((value: number) => step.set(value), [step]);
  const onZoom = useCallback((value: Zoom | undefined) => show({ from: value && String(value.from), to: value && String(value.to) }, true), []);
  const shared = { run: run.name, zoom, domain, onZoom, step, onStep, feed };
  const extra = useMemo(() => listParam(params.series).filter((key) => scalars.some((series) => series.key === key)), [params.series, scalars]);
  const groups = useMemo(() => scalarGroups(scalars, choice !== undefined), [scalars, choice !== undefined]);
  const system = useMemo(() => systemGroups(scalars), [scalars]);
  const live = isLive(run);
  useEffect(() => {
    if (live) feed.start();
  }, [feed, live]);

  useNewSeries(run, stored, reload);
  const setLog = useCallback((name: string) => (log: boolean) => show({ [name]: log ? "log" : undefined }), []);
  return (
    <>
      <RunHeader run={run} onChanged={reload} />
      {stored.length === 0 && (
        <Empty title={isLive(run) ? "Nothing has been measured yet." : "Nothing was measured."}>
          {isLive(run) && <p>Curves appear here with the first record.</p>}
          <button type="button" onClick={reload}>
            Look again
          </button>
        </Empty>
      )}
      {stored.length > 0 && <Toolbar choice={choice} matrices={matrices} zoom={zoom} onZoom={onZoom} />}
      {choice && <Influence key={choice.series.key} choice={choice} gap={gapOf(matrices, choice.update)} scalars={scalars} {...shared} />}
      {!choice && scalars.length > 0 && <Phases choice={undefined} plane="mean" scalars={scalars} {...shared} />}
      <div class="panel-grid">
        {groups.map(({ title, keys }) => (
          <ScalarsPanel key={title} title={title} keys={keys} log={params[`y:${title}`] === "log"} onLog={setLog(`y:${title}`)} {...shared} />
        ))}
        {extra.map((key) => (
          <ScalarsPanel
            key={key}
            title={key}
            keys={[key]}
            log={params[`y:${key}`] === "log"}
            onLog={setLog(`y:${key}`)}
            onRemove={() => show({ series: extra.filter((other) => other !== key).join("\n") })}
            {...shared}
          />
        ))}
      </div>
      {scalars.length > 0 && <SeriesPicker scalars={scalars} chosen={extra} />}
      {system.length > 0 && (
        <div class="panel-grid" role="group" aria-label="System">
          {system.map(({ title, keys }) => (
            <ScalarsPanel key={title} title={title} keys={keys} log={params[`y:${title}`] === "log"} onLog={setLog(`y:${title}`)} {...shared} />
          ))}
        </div>
      )}
      <RunDetails run={run} />
    </>
  );
}

// Asks for the list of series again when the run has begun, got a scalar that the page does not know, or ended:
// a matrix shows in no list of newest values.
function useNewSeries(run: Run, stored: Stored[], reload: () => void): void {
  const unknown = run.latest.filter(({ key }) => !stored.some((series) => series.key === key && series.count > 0)).length;
  const begun = run.step >= 0n && stored.length === 0;
  const first = useRef(true);
  useEffect(() => {
    if (!first.current || unknown > 0 || begun) reload();
    first.current = false;
  }, [unknown, begun, run.state]);
}

function useZoom(params: Record<string, string>): Zoom | undefined {
  const zoom = zoomOf(params);
  return useMemo(() => zoom, [zoom?.from, zoom?.to]);
}

function Toolbar({ choice, matrices, zoom, onZoom }: { choice?: MatrixChoice; matrices: MatrixChoice[]; zoom?: Zoom; onZoom: (zoom?: Zoom) => void }) {
  const { params } = useAddress();
  const measures = [...new Set(matrices.map(({ measure }) => measure))];
  const updates = matrices.filter(({ measure }) => measure === choice?.measure);
  return (
    <div class="toolbar" role="toolbar" aria-label="What is shown">
      {choice && (
        <>
          <Select
            label="Measure"
            value={choice.measure}
            choices={measures.map((measure) => ({ value: measure, label: measure }))}
            onChange={(measure) => show({ measure, plane: undefined, phases: undefined }, true)}
          />
          <Select
            label="Update"
            value={choice.update}
            choices={updates.map(({ update, series }) => ({ value: update, label: `${update || "first"}${updateText(series.description)}` }))}
            onChange={(update) => show({ measure: choice.measure, update, phases: undefined }, true)}
          />
          <Select
            label="Cells"
            value={params.plane ?? ""}
            choices={[
              { value: "", label: "as usual" },
              { value: "mean", label: "mean of ratios" },
              { value: "ratio_of_means", label: "ratio of means" },
            ]}
            onChange={(plane) => show({ plane }, true)}
          />
        </>
      )}
      <ZoomFields zoom={zoom} onZoom={onZoom} />
    </div>
  );
}

function updateText(description: string): string {
  return description ? ` · ${description.split(" · ").at(-1)}` : "";
}

function ZoomFields({ zoom, onZoom }: { zoom?: Zoom; onZoom: (zoom?: Zoom) => void }) {
  const submit = (event: Event) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const from = stepParam(String(data.get("from")));
    const to = stepParam(String(data.get("to")));
    if (from !== undefined && to !== undefined && from < to) onZoom({ from, to });
  };
  return (
    <form class="zoom" onSubmit={submit}>
      <label class="field">
        <span>Steps from</span>
        <input key={`from${zoom?.from}`} name="from" inputMode="numeric" size={7} defaultValue={zoom ? String(zoom.from) : ""} placeholder="first" />
      </label>
      <label class="field">
        <span>to</span>
        <input key={`to${zoom?.to}`} name="to" inputMode="numeric" size={7} defaultValue={zoom ? String(zoom.to) : ""} placeholder="last" />
      </label>
      <button type="submit">Zoom</button>
      <button type="button" disabled={!zoom} onClick={() => onZoom(undefined)}>
        All steps
      </button>
    </form>
  );
}

type Shared = {
  run: string;
  zoom?: Zoom;
  domain: Zoom;
  onZoom: (zoom?: Zoom) => void;
  step: ReturnType<typeof useStepStore>;
  onStep: (step: number) => void;
  feed: RunFeed;
};

const mostSteps = 2000;

// The matrices of one measure and update: at a step, and over training.
function Influence({ choice, gap, scalars, ...shared }: { choice: MatrixChoice; gap?: MatrixChoice; scalars: Stored[] } & Shared) {
  const { params } = useAddress();
  const { series, measure, update } = choice;
  // What kind of values these are: signed or not, and which plane is shown first.
  const kind = useCall(JSON.stringify([shared.run, series.key]), (signal) => queries.getInfluence({ parent: shared.run, measure, update, resamples: 100 }, { signal }));
  const matrix = useMemo(
    () => ({ run: shared.run, key: series.key, measure, update, classes: series.classes.length, count: series.count, lastStep: series.lastStep }),
    [shared.run, series],
  );
  const responding = useMemo(() => series.classes.map((_, i) => i), [series]);
  const updated = useMemo(() => updatedShown(series.classes.length, params.updated, series.classes), [series, params.updated]);
  const steps = useSteps(shared.run, series.key, shared.zoom, shared.feed);
  const onLog = useCallback((log: boolean) => show({ y: log ? "log" : undefined }), []);
  const onBands = useCallback((bands: boolean) => show({ bands: bands ? undefined : "off" }), []);
  const phases = usePhases(shared.run);
  // A curve without a transition is elastic from end to end: nothing that shading would add.
  const marks = useMemo(() => (phases.value?.transitions.length ? marksOf(phases.value) : undefined), [phases.value]);
  if (kind.error !== undefined) return <Problem error={kind.error} again={kind.reload} />;
  if (!kind.value || !steps) return <Loading what="influence" />;
  const plane = planeOf(params.plane, kind.value.shown);
  const { isSigned, description } = kind.value;
  return (
    <>
      <div class="influence">
        <MatrixPanel
          series={matrix}
          classes={series.classes}
          steps={steps}
          step={shared.step}
          plane={plane}
          signed={isSigned}
          caption={`${series.key} · ${description}${plane === "ratio_of_means" ? " · ratio of means" : ""}`}
          feed={shared.feed}
          onPick={(column) => show({ updated: series.classes[column] })}
        />
        <CurvesPanel
          {...shared}
          seriesKey={series.key}
          classes={series.classes}
          plane={plane}
          log={params.y === "log"}
          bands={params.bands !== "off"}
          updated={updated}
          responding={responding}
          marks={marks}
          caption={`${description}${marks ? ` · transition of ${phases.value?.series}` : ""}`}
          onLog={onLog}
          onBands={onBands}
        />
      </div>
      {gap && <GapPanel {...shared} choice={gap} picked={params.updated} />}
      <AnsweredPhases choice={choice} plane={plane} scalars={scalars} answer={phases} {...shared} />
    </>
  );
}

// Steps at which there is a matrix, in the range that is shown; of very many a part.
function useSteps(run: string, key: string, zoom: Zoom | undefined, feed: RunFeed): number[] | undefined {
  const keys = useMemo(() => [`${key}.dominance`], [key]);
  return useColumns(run, keys, zoom ?? {}, mostSteps, feed).value?.[0]?.step;
}

function usePhases(run: string): Answer<RunPhases | undefined> {
  const { params } = useAddress();
  const { phases: series = "", phaseScale: scale = "" } = params;
  return useCall(JSON.stringify(["phases", run, series, scale]), async (signal) => (await getPhases(run, series, scaleOf(scale), signal)).runs[0]);
}

function Phases({ choice, plane, scalars, ...shared }: { choice?: MatrixChoice; plane: "mean" | "ratio_of_means"; scalars: Stored[] } & Shared) {
  const answer = usePhases(shared.run);
  return <AnsweredPhases choice={choice} plane={plane} scalars={scalars} answer={answer} {...shared} />;
}

function AnsweredPhases({ choice, plane, scalars, answer, ...shared }: { choice?: MatrixChoice; plane: "mean" | "ratio_of_means"; scalars: Stored[]; answer: Answer<RunPhases | undefined> } & Shared) {
  const { params } = useAddress();
  const choices = useMemo(() => phaseChoices(choice, plane, scalars), [choice, plane, scalars]);
  return <PhasesPanel {...shared} answer={answer} series={params.phases ?? ""} choices={choices} scale={params.phaseScale ?? ""} />;
}
