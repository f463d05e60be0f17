// Phases of the runs of an experiment below each other on one axis, with the transitions that runs share.
import { useMemo } from "preact/hooks";
import { getPhases } from "../api/phases.js";
import { useCall } from "../api/use_call.js";
import { type GetPhasesResponse, PhaseKind, type PhaseAgreement, type RunPhases, Scale, Verdict } from "../generated/hooke/v1/query_pb.js";
import { count, lastPart, plural, short } from "../lib/format.js";
import { href, show } from "../lib/route.js";
import { scaleChoices, scaleOf } from "./phases_panel.js";
import { type Choice, Loading, Panel, Problem, Select } from "./widgets.js";

export interface PhaseLanesProps {
  experiment: string;
  // What a run is called beside its id, as "seed 3".
  labels: Map<string, string>;
  series: string;
  choices: Choice[];
  scale: string;
  // Changes when the question should be asked again.
  version: number;
}

export function PhaseLanes({ experiment, labels, series, choices, scale, version }: PhaseLanesProps) {
  const family = JSON.stringify(["lanes", experiment, series, scale]);
  const answer = useCall(`${family} ${version}`, (signal) => getPhases(experiment, series, scaleOf(scale), signal), family);
  const shared = answer.value?.agreements.filter(({ run, members }) => run === "" && members.length > 1) ?? [];
  return (
    <Panel
      title="Phases over seeds"
      tools={
        <>
          <Select label="Series" value={series} choices={choices} onChange={(value) => show({ phases: value }, true)} />
          <Select label="Scale" value={scale} choices={scaleChoices} onChange={(value) => show({ phaseScale: value })} />
        </>
      }
    >
      {answer.error !== undefined && <Problem error={answer.error} again={answer.reload} />}
      {!answer.value && answer.loading && <Loading what="phases: fitting and testing" />}
      {answer.value && (
        <>
          <p class="verdict">{verdictOver(answer.value)}</p>
          {shared.map((agreement, i) => (
            <p key={i}>{agreementText(agreement)}</p>
          ))}
          {answer.value.runs.length > 0 && <Lanes answer={answer.value} shared={shared} labels={labels} />}
          {answer.value.leftOut.length > 0 && (
            <p class="caption">
              Left out: {answer.value.leftOut.map(({ run, reason }) => `${lastPart(run)} (${reason})`).join("; ")}
            </p>
          )}
        </>
      )}
    </Panel>
  );
}

function verdictOver({ runs }: GetPhasesResponse): string {
  const having = runs.filter(({ verdict }) => verdict === Verdict.TRANSITION).length;
  const undecided = runs.filter(({ verdict }) => verdict === Verdict.UNDECIDED).length;
  if (runs.length === 0) return "No run has enough measurements.";
  return `${having} of ${plural(runs.length, "run")} ${having === 1 ? "changes" : "change"} phase${undecided > 0 ? `, ${undecided} undecided` : ""}.`;
}

function agreementText({ step, stepLow, stepHigh, spread, members, of }: PhaseAgreement): string {
  const interval = Number.isFinite(stepLow) ? ` (${count(Math.round(stepLow))} to ${count(Math.round(stepHigh))})` : "";
  return `${members.length} of ${of} runs share a transition at step ${count(Math.round(step))}${interval}${spread > 0 ? `; it varies by ${short(spread, 2)} steps between them` : ""}.`;
}

function Lanes({ answer, shared, labels }: { answer: GetPhasesResponse; shared: PhaseAgreement[]; labels: Map<string, string> }) {
  const to = useMemo(() => Math.max(1, ...answer.runs.flatMap(({ segments }) => segments.map(({ toStep }) => Number(toStep)))), [answer]);
  const series = answer.runs[0]?.series ?? "";
  return (
    <>
      <p class="caption">
        {series} · {answer.runs.every(({ scale }) => scale === Scale.LOG) ? "log scale" : answer.runs.every(({ scale }) => scale === Scale.LINEAR) ? "linear scale" : "each on its own scale"}{" "}
        <span class="key key-elastic" /> elastic: changes <span class="key key-transition" /> transition with its interval{" "}
        {shared.length > 0 && (
          <>
            <span class="key key-shared" /> shared
          </>
        )}
      </p>
      <div class="lanes" role="table" aria-label={`Phases of ${series} by run`}>
        {answer.runs.map((phases) => (
          <Lane key={`${phases.run} ${phases.series}`} phases={phases} shared={shared} to={to} label={labels.get(phases.run) ?? ""} />
        ))}
        <div class="lane-axis num" aria-hidden="true">
          {[0, 0.25, 0.5, 0.75, 1].map((at) => (
            <span key={at}>{count(Math.round(at * to))}</span>
          ))}
        </div>
      </div>
    </>
  );
}

const percent = (step: number, to: number) => `${(Math.min(1, Math.max(0, step / to)) * 100).toFixed(3)}%`;

function Span({ kind, from, until, to }: { kind: string; from: number; until: number; to: number }) {
  return <span class={kind} style={{ left: percent(from, to), right: `calc(100% - ${percent(until, to)})` }} />;
}

function laneText({ verdict, transitions }: RunPhases): string {
  if (verdict === Verdict.UNDECIDED) return "undecided";
  if (transitions.length === 0) return "no transition";
  return transitions
    .map(({ step, stepLow, stepHigh }) => `step ${count(Math.round(step))}${Number.isFinite(stepLow) ? ` (${count(Math.round(stepLow))} to ${count(Math.round(stepHigh))})` : ""}`)
    .join(", ");
}

function Lane({ phases, shared, to, label }: { phases: RunPhases; shared: PhaseAgreement[]; to: number; label: string }) {
  const id = lastPart(phases.run);
  const elastic = phases.segments.filter(({ kind }) => kind === PhaseKind.ELASTIC);
  return (
    <div class="lane" role="row">
      <span role="cell" class="lane-name">
        <a class="mono" href={href("runs", id)}>
          {id}
        </a>{" "}
        <span class="muted">{label}</span>
      </span>
      <span role="cell" class="lane-track" aria-hidden="true">
        {elastic.map(({ fromStep, toStep }, i) => (
          <Span key={`e${i}`} kind="lane-elastic" from={Number(fromStep)} until={Number(toStep)} to={to} />
        ))}
        {shared.map(({ stepLow, stepHigh }, i) => (
          <Span key={`s${i}`} kind="lane-shared" from={stepLow} until={stepHigh} to={to} />
        ))}
        {phases.transitions.map(({ stepLow, stepHigh }, i) => Number.isFinite(stepLow) && <Span key={`i${i}`} kind="lane-interval" from={stepLow} until={stepHigh} to={to} />)}
        {phases.transitions.map(({ step }, i) => (
          <span key={`t${i}`} class="lane-transition" style={{ left: percent(step, to) }} />
        ))}
      </span>
      <span role="cell" class="lane-text num">
        {laneText(phases)}
      </span>
    </div>
  );
}
