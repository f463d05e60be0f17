// An experiment on one page to keep: curves, matrices, phases, and the command that gives each figure again.
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { useEffect } from "preact/hooks";
import { experiments, queries } from "../api/clients.js";
import { isNotFound } from "../api/errors.js";
import { getPhases } from "../api/phases.js";
import { drawing } from "../api/series.js";
import { allSeries } from "../api/stored.js";
import { useCall } from "../api/use_call.js";
import { chartsSvg } from "../charts/files.js";
import { matrixSvg } from "../charts/matrix_svg.js";
import { type GetInfluenceResponse, type GetPhasesResponse, PhaseKind, Scale } from "../generated/hooke/v1/query_pb.js";
import type { Experiment, Run } from "../generated/hooke/v1/resources_pb.js";
import { curveColor, curveDash, scaleFor } from "../lib/color.js";
import { configYaml } from "../lib/config_text.js";
import { download } from "../lib/download.js";
import { count, lastPart, plural, short } from "../lib/format.js";
import { code, heading, page, paragraph, table } from "../lib/html.js";
import { href } from "../lib/route.js";
import { estimate } from "../parts/matrix_panel.js";
import { verdictText } from "../parts/phases_panel.js";
import { Loading, Problem, stateName } from "../parts/widgets.js";
import { mostGroups, sweepGroups, sweepText } from "./experiment_view.js";
import { configured, matricesOf, scalarGroups } from "./run_view.js";

const mostRuns = 200;
const mostPhases = 40;
const mostMatrices = 4;

const empty = <T,>(error: unknown): T[] => {
  if (isNotFound(error)) return [];
  throw error;
};

async function runsOf(name: string, signal: AbortSignal): Promise<Run[]> {
  const page = await experiments.listRuns({ parent: name, pageSize: 1000, orderBy: "create_time, id" }, { signal });
  return page.runs;
}

async function build(id: string, signal: AbortSignal): Promise<string> {
  const name = `experiments/${id}`;
  const [experiment, runs] = await Promise.all([experiments.getExperiment({ name }, { signal }), runsOf(name, signal)]);
  const example = runs.find(({ step }) => step >= 0n);
  const parts = [head(experiment, runs), runsTable(runs)];
  if (example) {
    const stored = await allSeries(example.name, signal);
    const { measures, updates } = configured(example.configJson);
    const matrices = matricesOf(stored, measures, updates);
    const scalars = stored.filter(({ kind, count }) => kind === "scalar" && count > 0);
    const titles = [
      ...matrices.slice(0, 1).map(({ series }) => `${series.key}.dominance`),
      ...scalarGroups(scalars, matrices.length > 0).flatMap(({ keys }) => keys),
    ];
    parts.push(await curves(id, runs, titles, signal));
    for (const { measure, update } of matrices.slice(0, mostMatrices)) {
      const answer = await queries.getInfluence({ parent: name, measure, update }, { signal }).catch((error: unknown) => empty<GetInfluenceResponse>(error)[0]);
      if (answer) parts.push(influence(id, answer, measure, update));
    }
    if (runs.length <= mostPhases) parts.push(phases(id, runs, await getPhases(name, "", Scale.UNSPECIFIED, signal)));
  }
  parts.push(heading(2, "Configuration"), runs.length > 1 ? paragraph("Of the first run; what the others have of their own stands in the table of runs.", "muted") : "", code(configYaml(runs[0]?.configJson ?? "{}")));
  return parts.join("\n");
}

function head(experiment: Experiment, runs: Run[]): string {
  const id = lastPart(experiment.name);
  const states = [...new Set(runs.map(({ state }) => state))].map((state) => `${count(runs.filter((run) => run.state === state).length)} ${stateName(state)}`);
  const when = experiment.createTime ? timestampDate(experiment.createTime).toISOString().slice(0, 16).replace("T", " ") : "";
  const tags = Object.entries(experiment.tags).map(([key, value]) => (value ? `${key}=${value}` : key));
  return [
    heading(1, id),
    paragraph(`${plural(runs.length, "run")}: ${states.join(", ")} · submitted ${when} UTC by ${experiment.submitter}${tags.length > 0 ? ` · ${tags.join(", ")}` : ""}`, "muted"),
    experiment.note ? paragraph(experiment.note) : "",
  ].join("\n");
}

function runsTable(runs: Run[]): string {
  const keys = ["train/loss", "train/accuracy", "test/loss", "test/accuracy"].filter((key) => runs.some(({ latest }) => latest.some((value) => value.key === key)));
  const rows = runs.slice(0, mostRuns).map((run) => [
    run.runId,
    stateName(run.state),
    sweepText(run),
    String(run.seed),
    `${count(run.step + 1n)} of ${count(run.totalSteps)}`,
    ...keys.map((key) => short(run.latest.find((value) => value.key === key)?.value)),
  ]);
  const more = runs.length > mostRuns ? paragraph(`The first ${mostRuns} of ${count(runs.length)}.`, "muted") : "";
  return [heading(2, "Runs"), table(["run", "state", "sweep", "seed", "steps", ...keys], rows), more, code(`hooke runs list --filter 'experiment = "${lastPart(runs[0]?.name.split("/runs/")[0] ?? "")}"'`)].join("\n");
}

async function curves(id: string, runs: Run[], keys: string[], signal: AbortSignal): Promise<string> {
  const all = sweepGroups(runs);
  const groups = all.slice(0, mostGroups);
  const charts = await Promise.all(
    keys.map(async (key) => ({
      title: key,
      curves: (await Promise.all(groups.map(({ source }) => drawing(source, [key], {}, 400, signal).catch((error: unknown) => empty<Awaited<ReturnType<typeof drawing>>[number]>(error))))).flatMap((columns, g) =>
        columns.map((column) => ({
          label: groups[g]?.label ?? "",
          color: curveColor(g, false),
          dash: curveDash(g),
          x: column.step,
          y: column.value,
          sd: column.sd.some(Number.isFinite) ? column.sd : [],
        })),
      ),
    })),
  );
  const drawn = charts.filter((chart) => chart.curves.length > 0);
  if (drawn.length === 0) return "";
  const caption = `Means over runs, bands: ± sd over runs${all.length > groups.length ? `; the first ${groups.length} of ${all.length} points of the sweep` : ""}`;
  return [heading(2, "Curves"), chartsSvg(drawn, false, caption), ...keys.map((key) => code(all.length === 1 ? `hooke series get ${id} '${key}' --seeds mean` : `hooke series get RUN '${key}'`))].join("\n");
}

function influence(id: string, answer: GetInfluenceResponse, measure: string, update: string): string {
  const values = answer.cells.map((cell) => (answer.shown === "ratio_of_means" ? cell.ratioOfMeans : cell.mean));
  const scale = scaleFor(values, answer.isSigned, false);
  const caption = `rows respond, columns were updated · step ${answer.steps.at(-1)}`;
  const over = answer.level > 0 ? ` · ${short(answer.level * 100)} % intervals over ${answer.runs.length} runs` : "";
  const strongest = answer.ranking.slice(0, 3).map((place) => {
    const size = answer.classNames.length;
    return `an update on ${answer.classNames[place % size]} moves ${answer.classNames[Math.floor(place / size)]} (${short(values[place])})`;
  });
  return [
    heading(2, `Influence: ${answer.key}`),
    paragraph(`${answer.description} · mean over ${plural(answer.runs.length, "run")}${over}`, "muted"),
    matrixSvg(values, answer.classNames, scale, caption),
    table(["dominance", "dominance ratio", "asymmetry"], [[estimate(answer.dominance), estimate(answer.dominanceRatio), estimate(answer.asymmetry)]]),
    strongest.length > 0 ? paragraph(`Strongest between classes: ${strongest.join("; ")}.`) : "",
    code(`hooke influence ${id} --measure ${measure}${update ? ` --update ${update}` : ""}`),
  ].join("\n");
}

function phases(id: string, runs: Run[], answer: GetPhasesResponse): string {
  const seeds = new Map(runs.map((run) => [run.name, String(run.seed)]));
  const rows = answer.runs.map((phase) => [
    lastPart(phase.run),
    seeds.get(phase.run) ?? "",
    verdictText(phase),
    phase.segments.map(({ kind, fromStep, toStep }) => `${kind === PhaseKind.ELASTIC ? "elastic" : "inelastic"} ${count(fromStep)} to ${count(toStep)}`).join("; "),
  ]);
  const shared = answer.agreements.filter(({ run, members }) => run === "" && members.length > 1);
  return [
    heading(2, "Phases"),
    paragraph(answer.runs[0] ? `of ${answer.runs[0].series}` : "No run has enough measurements.", "muted"),
    rows.length > 0 ? table(["run", "seed", "", "phases"], rows) : "",
    ...shared.map(({ members, of, step, stepLow, stepHigh }) => paragraph(`${members.length} of ${of} runs share a transition at step ${count(Math.round(step))} (${short(stepLow)} to ${short(stepHigh)}).`)),
    code(`hooke phases ${id}`),
  ].join("\n");
}

export function ReportPage({ id }: { id: string }) {
  const answer = useCall(JSON.stringify(["report", id]), (signal) => build(id, signal));
  useEffect(() => {
    document.title = `${id}, report · Hooke`;
  }, [id]);
  if (answer.error !== undefined) return <Problem error={answer.error} again={answer.reload} />;
  if (answer.value === undefined) return <Loading what="the report" />;
  const body = answer.value;
  return (
    <>
      <div class="toolbar no-print">
        <a href={href("experiments", id)}>← {id}</a>
        <button type="button" class="primary" onClick={() => download(`${id}-report.html`, "text/html", page(`${id} · Hooke`, body))}>
          Save as one HTML file
        </button>
        <button type="button" onClick={() => print()}>
          Print
        </button>
        <button type="button" onClick={answer.reload}>
          Make it anew
        </button>
      </div>
      {/* Its own text: every value in it was escaped when it was built. */}
      <article class="panel report" dangerouslySetInnerHTML={{ __html: body }} />
    </>
  );
}
