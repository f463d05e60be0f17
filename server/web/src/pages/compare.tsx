// Two to eight runs side by side: what differs in their configurations, curves overlaid, matrices with their
// differences.
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { experiments, queries } from "../api/clients.js";
import { RunFeed } from "../api/run_feed.js";
import { allSeries, type Stored } from "../api/stored.js";
import { useCall } from "../api/use_call.js";
import type { Zoom } from "../charts/line_chart.js";
import type { CompareRunsResponse } from "../generated/hooke/v1/query_pb.js";
import type { Run } from "../generated/hooke/v1/resources_pb.js";
import { listParam } from "../lib/address.js";
import { experimentOf, plural, short } from "../lib/format.js";
import { href, show, useAddress } from "../lib/route.js";
import { CompareMatrices } from "../parts/compare_matrices.js";
import { MatrixSelect } from "../parts/experiment_influence.js";
import { GroupCurves } from "../parts/group_curves.js";
import { SeriesPicker } from "../parts/series_picker.js";
import { useStepStore } from "../parts/use_step.js";
import { Empty, isFinal, Loading, Panel, Problem, State } from "../parts/widgets.js";
import { sweepText } from "./experiment_view.js";
import { configured, matricesOf, type MatrixChoice, planeOf, scalarGroups, zoomOf } from "./run_view.js";

const most = 8;
const everyMs = 5000;
const latestShown = 40;

interface Compared {
  runs: Run[];
  answer: CompareRunsResponse;
  stored: Stored[];
  // Series that all runs have, matrices of the same classes among them.
  shared: Stored[];
}

async function load(ids: string[], signal: AbortSignal): Promise<Compared> {
  const runs = await Promise.all(ids.map((id) => experiments.getRun({ name: `experiments/-/runs/${id}` }, { signal })));
  const [answer, ...lists] = await Promise.all([queries.compareRuns({ runs: runs.map(({ name }) => name) }, { signal }), ...runs.map(({ name }) => allSeries(name, signal))]);
  const all = new Map<string, Stored>();
  for (const series of lists.flat()) if (!all.has(series.key)) all.set(series.key, series);
  const has = (list: Stored[], wanted: Stored) => list.some(({ key, count, classes }) => key === wanted.key && count > 0 && classes.join("\n") === wanted.classes.join("\n"));
  return { runs, answer, stored: [...all.values()], shared: [...all.values()].filter((series) => lists.every((list) => has(list, series))) };
}

export function ComparePage() {
  const { params } = useAddress();
  const ids = useMemo(() => [...new Set(listParam(params.runs))], [params.runs]);
  const answer = useCall(ids.length < 2 || ids.length > most ? undefined : JSON.stringify(["compare", ids]), (signal) => load(ids, signal));
  useEffect(() => {
    document.title = `Compare ${ids.length} runs · Hooke`;
  }, [ids]);
  if (ids.length < 2 || ids.length > most)
    return (
      <Empty title={`Two to eight runs can be compared, not ${ids.length}.`}>
        <p>
          Tick them on the page of <a href={href("experiments")}>their experiment</a>; or name them here:
        </p>
        <Chooser ids={ids} />
      </Empty>
    );
  if (answer.error !== undefined && !answer.value)
    return (
      <>
        <Problem error={answer.error} again={answer.reload} />
        <Chooser ids={ids} />
      </>
    );
  if (!answer.value) return <Loading what="the runs" />;
  return <Loaded key={ids.join()} compared={answer.value} ids={ids} reload={answer.reload} />;
}

function Chooser({ ids }: { ids: string[] }) {
  const [text, setText] = useState(ids.join(" "));
  const submit = (event: Event) => {
    event.preventDefault();
    show({ runs: text.split(/[\s,]+/).filter(Boolean).join("\n") }, true);
  };
  return (
    <form class="zoom filter" onSubmit={submit}>
      <input type="text" aria-label="Ids of runs" size={40} value={text} onInput={(event) => setText(event.currentTarget.value)} />
      <button type="submit">Compare</button>
    </form>
  );
}

function Loaded({ compared, ids, reload }: { compared: Compared; ids: string[]; reload: () => void }) {
  const { runs, answer, stored, shared } = compared;
  const { params } = useAddress();
  const feed = useMemo(() => new RunFeed("compare", 0), []);
  const step = useStepStore(params.runs ?? "");
  const onStep = useCallback((value: number) => step.set(value), [step]);
  const onZoom = useCallback((value: Zoom | undefined) => show({ from: value && String(value.from), to: value && String(value.to) }, true), []);
  const zoom = zoomOf(params);
  const fixed = useMemo(() => zoom, [zoom?.from, zoom?.to]);
  const last = Math.max(1, ...runs.map((run) => Number(run.step)));
  const domain = useMemo(() => ({ from: 0, to: last }), [last]);
  useGoing(runs, feed, reload);
  const several = new Set(runs.map(({ name }) => experimentOf(name))).size > 1;
  const label = useCallback((run: Run) => [several ? experimentOf(run.name) : "", run.runId, sweepText(run), `seed ${run.seed}`].filter(Boolean).join(" · "), [several]);
  const groups = useMemo(() => runs.map((run) => ({ label: label(run), source: run.name })), [ids.join(), label]);
  const { measures, updates } = useMemo(() => configured(runs[0]?.configJson ?? ""), [runs]);
  const matrices = useMemo(() => matricesOf(shared, measures, updates), [shared, measures, updates]);
  const wanted = params.measure ?? matrices[0]?.measure;
  const choice = matrices.find(({ measure, update }) => measure === wanted && update === (params.update ?? "")) ?? matrices[0];
  const scalars = useMemo(() => stored.filter(({ kind, count }) => kind === "scalar" && count > 0), [stored]);
  const extra = listParam(params.series).join("\n");
  const panels = useMemo(
    () => [
      ...(choice ? [{ title: `Dominance, ${choice.series.key}`, keys: [`${choice.series.key}.dominance`] }] : []),
      ...scalarGroups(scalars, choice !== undefined).flatMap(({ keys }) => keys.map((key) => ({ title: key, keys: [key] }))),
      ...listParam(extra).map((key) => ({ title: key, keys: [key], extra: true })),
    ],
    [choice?.series.key, scalars, extra],
  );
  const setLog = useCallback((title: string) => (log: boolean) => show({ [`y:${title}`]: log ? "log" : undefined }), []);
  return (
    <>
      <header class="page-head">
        <h1>Compare {plural(runs.length, "run")}</h1>
      </header>
      <Parameters runs={runs} answer={answer} label={label} />
      <div class="toolbar" role="toolbar" aria-label="What is shown">
        {choice && <MatrixSelect choice={choice} matrices={matrices} />}
        <button type="button" disabled={!fixed} onClick={() => onZoom(undefined)}>
          All steps
        </button>
      </div>
      <div class="panel-grid">
        {panels.map(({ title, keys, ...more }) => (
          <GroupCurves
            key={title}
            name="compare"
            title={title}
            keys={keys}
            groups={groups}
            log={params[`y:${title}`] === "log"}
            onLog={setLog(title)}
            zoom={fixed}
            domain={domain}
            onZoom={onZoom}
            step={step}
            onStep={onStep}
            feed={feed}
            onRemove={"extra" in more ? () => show({ series: listParam(extra).filter((key) => key !== title).join("\n") }) : undefined}
          />
        ))}
      </div>
      {choice && <Matrices runs={runs} label={label} choice={choice} step={step} feed={feed} />}
      {!choice && stored.some(({ kind }) => kind === "matrix") && <p class="quiet">The runs have no influence matrix of the same classes in common.</p>}
      <SeriesPicker scalars={scalars} chosen={listParam(extra)} />
    </>
  );
}

function Matrices({ choice, ...shared }: { runs: Run[]; label: (run: Run) => string; choice: MatrixChoice; step: ReturnType<typeof useStepStore>; feed: RunFeed }) {
  const { params } = useAddress();
  const parent = shared.runs[0]?.name ?? "";
  const kind = useCall(JSON.stringify(["kind", parent, choice.series.key]), (signal) =>
    queries.getInfluence({ parent, measure: choice.measure, update: choice.update, resamples: 100 }, { signal }),
  );
  if (kind.error !== undefined) return <Problem error={kind.error} again={kind.reload} />;
  if (!kind.value) return <Loading what="matrices" />;
  return <CompareMatrices key={choice.series.key} choice={choice} plane={planeOf(params.plane, kind.value.shown)} signed={kind.value.isSigned} {...shared} />;
}

// While runs go on, what is shown is asked for again every few seconds.
function useGoing(runs: Run[], feed: RunFeed, reload: () => void): void {
  const going = runs.some(({ state }) => !isFinal(state));
  useEffect(() => {
    if (!going) return;
    const timer = setInterval(() => {
      if (document.hidden) return;
      feed.redraw.set(feed.redraw.get() + 1);
      reload();
    }, everyMs);
    return () => clearInterval(timer);
  }, [going, feed, reload]);
}

function Parameters({ runs, answer, label }: { runs: Run[]; answer: CompareRunsResponse; label: (run: Run) => string }) {
  return (
    <Panel title="What differs" class="scroll">
      <table class="list">
        <thead>
          <tr>
            <th scope="col">parameter</th>
            {runs.map((run) => (
              <th scope="col" key={run.name} title={label(run)}>
                <a class="mono" href={href("runs", run.runId)}>
                  {run.runId}
                </a>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">state</th>
            {runs.map((run) => (
              <td key={run.name}>
                <State state={run.state} />
              </td>
            ))}
          </tr>
          {answer.parameters.map(({ field, values }) => (
            <tr key={field}>
              <th scope="row">
                <code>{field}</code>
              </th>
              {values.map((value, i) => (
                <td key={i}>{value || <span class="muted">–</span>}</td>
              ))}
            </tr>
          ))}
          {answer.latest.slice(0, latestShown).map(({ key, cells }) => (
            <tr key={key}>
              <th scope="row">{key}, newest</th>
              {cells.map(({ value, step }, i) => (
                <td key={i} class="left num" title={step === undefined ? "" : `step ${step}`}>
                  {short(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {answer.parameters.length === 0 && <p class="caption">Their configurations are the same but for the seed.</p>}
    </Panel>
  );
}
