// One experiment: its runs, live; seeds as mean ± sd bands, a curve for each point of a sweep; influence and
// phases over its runs.
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { experiments, queries } from "../api/clients.js";
import { follow } from "../api/follow.js";
import { RunFeed } from "../api/run_feed.js";
import { allSeries, type Stored } from "../api/stored.js";
import { useCall } from "../api/use_call.js";
import type { Zoom } from "../charts/line_chart.js";
import type { Experiment, Run } from "../generated/hooke/v1/resources_pb.js";
import { listParam } from "../lib/address.js";
import { plural } from "../lib/format.js";
import { show, useAddress } from "../lib/route.js";
import { ExperimentActions } from "../parts/experiment_actions.js";
import { ExperimentInfluence } from "../parts/experiment_influence.js";
import { FilterForm } from "../parts/filter_form.js";
import { type Group, GroupCurves } from "../parts/group_curves.js";
import { PhaseLanes } from "../parts/phase_lanes.js";
import { RunsTable } from "../parts/runs_table.js";
import { SeriesPicker } from "../parts/series_picker.js";
import { useStepStore } from "../parts/use_step.js";
import { Empty, isFinal, Loading, Problem, State, Tags, Toggle } from "../parts/widgets.js";
import { mostGroups, singleGroups, sweepGroups, sweepText } from "./experiment_view.js";
import { configured, matricesOf, phaseChoices, planeOf, scalarGroups, zoomOf } from "./run_view.js";

const redrawMs = 5000;
// Phases of so many runs are found unasked; each takes a part of a second.
const mostLanes = 40;

async function allRuns(parent: string, filter: string, signal: AbortSignal): Promise<Run[]> {
  const runs: Run[] = [];
  let pageToken = "";
  do {
    const page = await experiments.listRuns({ parent, filter, pageSize: 1000, pageToken }, { signal });
    runs.push(...page.runs);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return runs;
}

export function ExperimentPage({ id }: { id: string }) {
  const { params } = useAddress();
  const filter = params.filter ?? "";
  const name = `experiments/${id}`;
  const answer = useCall(
    JSON.stringify([id, filter]),
    async (signal) => ({ experiment: await experiments.getExperiment({ name }, { signal }), runs: await allRuns(name, filter, signal) }),
    id,
  );
  const runs = useLive(name, answer.value?.runs);
  useEffect(() => {
    document.title = `${id} · Hooke`;
  }, [id]);
  if (answer.error !== undefined && !answer.value) return <Problem error={answer.error} again={answer.reload} />;
  if (!answer.value || !runs) return <Loading what="the experiment" />;
  return (
    <>
      <Head experiment={answer.value.experiment} runs={runs} onChanged={answer.reload} />
      <FilterForm filter={filter} hint="state = FAILED, or config.training.lr < 0.01" />
      {answer.error !== undefined && <Problem error={answer.error} />}
      {runs.length === 0 ? <Empty title="No run fits this filter." /> : <RunsTable runs={runs} picked={listParam(params.picked)} />}
      {runs.length > 0 && <Results name={name} runs={runs} whole={filter === ""} />}
    </>
  );
}

function Head({ experiment, runs, onChanged }: { experiment: Experiment; runs: Run[]; onChanged: () => void }) {
  const states = [...new Set(runs.map(({ state }) => state))].sort((a, b) => a - b);
  return (
    <header class="page-head">
      <div class="title-line">
        <h1>{experiment.name.split("/")[1]}</h1>
        {states.map((state) => (
          <State key={state} state={state} count={runs.filter((run) => run.state === state).length} />
        ))}
        <Tags tags={experiment.tags} />
        <ExperimentActions experiment={experiment} runs={runs} onChanged={onChanged} />
      </div>
      {experiment.note && <p class="note">{experiment.note}</p>}
    </header>
  );
}

// Tells charts to draw anew while runs go on: a mean over runs changes at every step that one of them has reached.
function useMeanFeed(name: string, runs: Run[]): RunFeed {
  const feed = useMemo(() => new RunFeed(name, 0), [name]);
  const going = runs.some(({ state }) => !isFinal(state));
  useEffect(() => {
    feed.redraw.set(feed.redraw.get() + 1);
    if (!going) return;
    const timer = setInterval(() => !document.hidden && feed.redraw.set(feed.redraw.get() + 1), redrawMs);
    return () => clearInterval(timer);
  }, [feed, going]);
  return feed;
}

// Series of the experiment: those of one run for each point of the sweep, as seeds share them.
function useSeries(runs: Run[]): Stored[] | undefined {
  const examples = useMemo(() => {
    const found = new Map<string, string>();
    for (const run of [...runs].sort((a, b) => Number(b.step - a.step))) if (run.step >= 0n && !found.has(sweepText(run))) found.set(sweepText(run), run.name);
    return [...found.values()].slice(0, mostGroups).sort();
  }, [runs]);
  const answer = useCall(examples.length === 0 ? undefined : JSON.stringify(["series", examples]), async (signal) => {
    const all = new Map<string, Stored>();
    for (const stored of await Promise.all(examples.map((run) => allSeries(run, signal)))) for (const series of stored) if (!all.has(series.key) || all.get(series.key)?.count === 0) all.set(series.key, series);
    return [...all.values()].sort((a, b) => a.key.localeCompare(b.key));
  });
  return answer.value;
}

function Results({ name, runs, whole }: { name: string; runs: Run[]; whole: boolean }) {
  const { params } = useAddress();
  const feed = useMeanFeed(name, runs);
  const stored = useSeries(runs);
  const zoom = zoomOf(params);
  const fixed = useMemo(() => zoom, [zoom?.from, zoom?.to]);
  const last = Math.max(1, ...runs.map(({ step }) => Number(step)));
  const domain = useMemo(() => ({ from: 0, to: last }), [last]);
  const step = useStepStore(name);
  const onStep = useCallback((value: number) => step.set(value), [step]);
  const onZoom = useCallback((value: Zoom | undefined) => show({ from: value && String(value.from), to: value && String(value.to) }, true), []);
  const each = params.each === "1";
  const having = runs.filter((run) => run.step >= 0n).map((run) => run.runId).join();
  const all = useMemo(() => (each ? singleGroups(runs) : sweepGroups(runs)), [each, having]);
  const groups = useMemo(() => all.slice(0, mostGroups), [all]);
  if (runs.every((run) => run.step < 0n)) return <Empty title="Nothing has been measured yet.">Curves appear here once a run has begun.</Empty>;
  if (!stored) return <Loading what="series" />;
  const shared = { name: name.split("/")[1] ?? name, groups, zoom: fixed, domain, onZoom, step, onStep, feed };
  return (
    <>
      <div class="toolbar" role="toolbar" aria-label="What is shown">
        <Toggle label="each run by itself" on={each} onChange={(on) => show({ each: on ? "1" : undefined }, true)} />
        {all.length > groups.length && (
          <span class="muted">
            The first {groups.length} of {plural(all.length, each ? "run" : "point of the sweep", each ? "runs" : "points of the sweep")} are drawn: filter for others.
          </span>
        )}
        <button type="button" disabled={!fixed} onClick={() => onZoom(undefined)}>
          All steps
        </button>
      </div>
      <Curves stored={stored} runs={runs} {...shared} />
      {whole && <OverRuns runs={runs} stored={stored} {...shared} />}
      <SeriesPicker scalars={stored.filter(({ kind, count }) => kind === "scalar" && count > 0)} chosen={listParam(params.series)} />
    </>
  );
}

type Shared = {
  name: string;
  groups: Group[];
  zoom?: Zoom;
  domain: Zoom;
  onZoom: (zoom?: Zoom) => void;
  step: ReturnType<typeof useStepStore>;
  onStep: (step: number) => void;
  feed: RunFeed;
};

function Curves({ stored, runs, ...shared }: { stored: Stored[]; runs: Run[] } & Shared) {
  const { params } = useAddress();
  const { measures, updates } = useMemo(() => configured(runs[0]?.configJson ?? ""), [runs[0]?.configJson]);
  const scalars = useMemo(() => stored.filter(({ kind, count }) => kind === "scalar" && count > 0), [stored]);
  const matrices = useMemo(() => matricesOf(stored, measures, updates), [stored, measures, updates]);
  const panels = useMemo(
    () => [
      ...matrices.slice(0, 2).map(({ series }) => ({ title: `Dominance, ${series.key}`, keys: [`${series.key}.dominance`] })),
      ...scalarGroups(scalars, matrices.length > 0),
    ],
    [matrices, scalars],
  );
  const extra = useMemo(() => listParam(params.series).map((key) => ({ title: key, keys: [key] })), [params.series]);
  const setLog = useCallback((title: string) => (log: boolean) => show({ [`y:${title}`]: log ? "log" : undefined }), []);
  return (
    <>
      <div class="panel-grid">
        {panels.map(({ title, keys }) => (
          <GroupCurves key={title} title={title} keys={keys} log={params[`y:${title}`] === "log"} onLog={setLog(title)} {...shared} />
        ))}
        {extra.map(({ title, keys }) => (
          <GroupCurves
            key={title}
            title={title}
            keys={keys}
            log={params[`y:${title}`] === "log"}
            onLog={setLog(title)}
            onRemove={() => show({ series: extra.filter((other) => other.title !== title).map((other) => other.title).join("\n") })}
            {...shared}
          />
        ))}
      </div>
    </>
  );
}

// Answers that the server gives of all runs of the experiment together.
function OverRuns({ name: id, runs, stored, ...shared }: { runs: Run[]; stored: Stored[] } & Shared) {
  const { params } = useAddress();
  const name = `experiments/${id}`;
  const { measures, updates } = useMemo(() => configured(runs[0]?.configJson ?? ""), [runs[0]?.configJson]);
  const matrices = useMemo(() => matricesOf(stored, measures, updates), [stored, measures, updates]);
  const scalars = useMemo(() => stored.filter(({ kind, count }) => kind === "scalar" && count > 0), [stored]);
  const wanted = params.measure ?? matrices[0]?.measure;
  const choice = matrices.find(({ measure, update }) => measure === wanted && update === (params.update ?? "")) ?? matrices[0];
  const kind = useCall(choice && JSON.stringify(["kind", name, choice.series.key]), (signal) =>
    queries.getInfluence({ parent: name, measure: choice?.measure, update: choice?.update, resamples: 100 }, { signal }),
  );
  const labels = useMemo(() => new Map(runs.map((run) => [run.name, [sweepText(run), `seed ${run.seed}`].filter(Boolean).join(" · ")])), [runs]);
  const plane = planeOf(params.plane, kind.value?.shown ?? "mean");
  const choices = useMemo(() => phaseChoices(choice, plane, scalars), [choice, plane, scalars]);
  const ended = runs.filter(({ state }) => isFinal(state)).length;
  const [lanes, setLanes] = useState(runs.length <= mostLanes);
  return (
    <>
      {choice && kind.value && <ExperimentInfluence parent={name} choice={choice} matrices={matrices} kind={kind.value} plane={plane} {...shared} />}
      {lanes ? (
        <PhaseLanes experiment={name} labels={labels} series={params.phases ?? ""} choices={choices} scale={params.phaseScale ?? ""} version={ended} />
      ) : (
        <button type="button" onClick={() => setLanes(true)}>
          Find the phases of {plural(runs.length, "run")}
        </button>
      )}
    </>
  );
}

// The runs as they are now: what has changed since they were listed comes by stream, shown a few times a second.
function useLive(name: string, listed: Run[] | undefined): Run[] | undefined {
  const [runs, setRuns] = useState(listed);
  useEffect(() => {
    setRuns(listed);
    if (!listed || listed.every((run) => isFinal(run.state))) return;
    const places = new Map(listed.map((run, i) => [run.runId, i]));
    const newest = [...listed];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = follow({
      open: (signal) => experiments.watchRuns({ names: [name] }, { signal }),
      onMessage: ({ run }) => {
        const place = run && places.get(run.runId);
        if (place === undefined) return;
        newest[place] = run as Run;
        timer ??= setTimeout(() => ((timer = undefined), setRuns([...newest])), 300);
      },
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [name, listed]);
  return listed && runs;
}
