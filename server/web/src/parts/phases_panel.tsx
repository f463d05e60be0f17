// When training changes phase: the series, the fitted curve, elastic stretches, transitions with intervals.
import { memo } from "preact/compat";
import { useMemo } from "preact/hooks";
import { isNotFound } from "../api/errors.js";
import { marksOf } from "../api/phases.js";
import type { RunFeed } from "../api/run_feed.js";
import type { Answer } from "../api/use_call.js";
import { useColumns } from "../api/use_columns.js";
import type { Curve } from "../charts/curve.js";
import { chartsSvg } from "../charts/files.js";
import { LineChart, type Zoom } from "../charts/line_chart.js";
import { useTheme } from "../charts/theme.js";
import { PhaseKind, type RunPhases, Scale, Verdict } from "../generated/hooke/v1/query_pb.js";
import { curveColor } from "../lib/color.js";
import { download } from "../lib/download.js";
import { count, lastPart, plural, short } from "../lib/format.js";
import { show } from "../lib/route.js";
import type { Store } from "../lib/store.js";
import { type Choice, Loading, Panel, Problem, Select } from "./widgets.js";

export const scaleChoices: Choice[] = [
  { value: "", label: "log if positive" },
  { value: "linear", label: "linear" },
  { value: "log", label: "logarithmic" },
];

export function scaleOf(text: string | undefined): Scale {
  return text === "linear" ? Scale.LINEAR : text === "log" ? Scale.LOG : Scale.UNSPECIFIED;
}

export function verdictText(phases: RunPhases): string {
  const steps = phases.transitions.map(({ step }) => count(Math.round(step)));
  if (phases.verdict === Verdict.TRANSITION)
    return steps.length === 1
      ? `Training changes phase once, at step ${steps[0]}.`
      : `Training changes phase ${steps.length} times, at steps ${steps.slice(0, -1).join(", ")} and ${steps.at(-1)}.`;
  if (phases.verdict === Verdict.NO_TRANSITION) return "Training does not change phase.";
  return "Undecided: the data allow both a transition and none.";
}

export interface PhasesPanelProps {
  run: string;
  answer: Answer<RunPhases | undefined>;
  series: string;
  choices: Choice[];
  scale: string;
  zoom?: Zoom;
  domain?: Zoom;
  onZoom: (zoom: Zoom | undefined) => void;
  step: Store<number | undefined>;
  onStep: (step: number) => void;
  feed: RunFeed;
}

export const PhasesPanel = memo(function PhasesPanel(props: PhasesPanelProps) {
  const { run, answer } = props;
  const theme = useTheme();
  const phases = answer.value;
  const key = phases?.series ?? props.series;
  const keys = useMemo(() => (key ? [key] : []), [key]);
  const data = useColumns(run, keys, props.zoom ?? {}, 1000, props.feed);
  const log = phases?.scale === Scale.LOG;
  const curves = useMemo(() => {
    const column = data.value?.[0];
    const drawn: Curve[] = [];
    if (column) drawn.push({ label: column.key, color: curveColor(0, theme.dark), x: column.step, y: column.value });
    if (phases && phases.fittedStep.length > 0)
      drawn.push({ label: `fit: ${phases.models[0]?.name ?? ""}`, color: theme.transition, width: 2.2, dash: [6, 4], x: phases.fittedStep.map(Number), y: phases.fittedValue });
    return drawn;
  }, [data.value, phases, theme]);
  const marks = useMemo(() => (phases ? marksOf(phases) : undefined), [phases]);
  const saveSvg = () => download(`${lastPart(run)}-phases.svg`, "image/svg+xml", chartsSvg([{ title: key, curves }], log, phases ? verdictText(phases) : ""));
  return (
    <Panel
      title="Phases"
      tools={
        <>
          <Select label="Series" value={props.series} choices={props.choices} onChange={(value) => show({ phases: value }, true)} />
          <Select label="Scale" value={props.scale} choices={scaleChoices} onChange={(value) => show({ phaseScale: value })} />
          <button type="button" onClick={saveSvg} disabled={curves.length === 0}>
            SVG
          </button>
        </>
      }
    >
      {phases && <p class="verdict">{verdictText(phases)}</p>}
      {answer.error !== undefined &&
        (isNotFound(answer.error) ? <p class="quiet">{String((answer.error as Error).message)}</p> : <Problem error={answer.error} again={answer.reload} />)}
      {!phases && answer.loading && <Loading what="phases: fitting and testing" />}
      {data.value && (
        <LineChart
          label={`Phases of ${key}`}
          curves={curves}
          log={log}
          height={220}
          zoom={props.zoom}
          domain={props.domain}
          onZoom={props.onZoom}
          step={props.step}
          onStep={props.onStep}
          marks={marks}
          group={run}
        />
      )}
      {phases && <PhaseTables phases={phases} />}
    </Panel>
  );
});

function PhaseTables({ phases }: { phases: RunPhases }) {
  return (
    <>
      <p class="caption">
        <span class="key key-elastic" /> elastic: changes <span class="key key-transition" /> transition with its interval
        {` · ${plural(Number(phases.points), "point")}${phases.omitted > 0n ? `, ${count(phases.omitted)} left out as not finite` : ""}`}
        {` · ${phases.scale === Scale.LOG ? "log" : "linear"} scale`}
      </p>
      {phases.remarks.map((remark, i) => (
        <p class="caption" key={i}>
          {remark}
        </p>
      ))}
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">phase</th>
              <th scope="col">from</th>
              <th scope="col">to</th>
              <th scope="col">slope per step</th>
              <th scope="col">interval</th>
            </tr>
          </thead>
          <tbody>
            {phases.segments.map((segment, i) => (
              <tr key={i}>
                <td>{segment.kind === PhaseKind.ELASTIC ? "elastic" : "inelastic"}</td>
                <td class="num">{count(segment.fromStep)}</td>
                <td class="num">{count(segment.toStep)}</td>
                <td class="num">{short(segment.slope)}</td>
                <td class="num">
                  {short(segment.slopeLow)} to {short(segment.slopeHigh)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {phases.transitions.map((transition, i) => (
        <p key={i} class="num">
          transition at step {count(Math.round(transition.step))}
          {Number.isFinite(transition.stepLow) ? ` (${count(Math.round(transition.stepLow))} to ${count(Math.round(transition.stepHigh))})` : ""}
          {transition.pValue !== undefined ? `, p = ${short(transition.pValue)}` : ""}, BIC gain {short(transition.bicGain)}
          {transition.seeds > 1 ? `, ${transition.seeds} runs agree` : ""}
        </p>
      ))}
      <details>
        <summary>{plural(phases.models.length, "model")} compared</summary>
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">model</th>
                <th scope="col">BIC</th>
                <th scope="col">residual sum of squares</th>
                <th scope="col">breaks</th>
              </tr>
            </thead>
            <tbody>
              {phases.models.map((model, i) => (
                <tr key={i}>
                  <td>{model.name}</td>
                  <td class="num">{short(model.bic, 5)}</td>
                  <td class="num">{short(model.rss)}</td>
                  <td class="num">{model.breaks.map((step) => count(Math.round(step))).join(", ")}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </>
  );
}
