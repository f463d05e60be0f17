// A new experiment: a configuration, from a preset or from a run that is there, times seeds, times a sweep.
import { useEffect, useMemo, useState } from "preact/hooks";
import { experiments } from "../api/clients.js";
import { messageOf, violationsOf } from "../api/errors.js";
import { useCall } from "../api/use_call.js";
import { configYaml, parseAxis, parseConfig, parseSeeds, parseTags, type ParsedConfig, type TextProblem } from "../lib/config_text.js";
import { lastPart, plural } from "../lib/format.js";
import { presets } from "../lib/presets.js";
import { go, href, show, useAddress } from "../lib/route.js";
import { uuid } from "../lib/uuid.js";
import { Loading, Panel, Problem, Select } from "../parts/widgets.js";

interface Draft {
  text: string;
  name: string;
  seeds: string;
  sweep: string;
  tags: string;
}

const fresh: Draft = { text: "", name: "", seeds: "", sweep: "", tags: "" };

export function SubmitPage() {
  const { params } = useAddress();
  const from = params.from ?? "";
  const preset = presets.find(({ name }) => name === (params.preset ?? "hesu2020-two-circles"));
  const source = useCall(from || undefined, async (signal) => {
    const found = (await experiments.lookup({ reference: from }, { signal })).resource;
    if (found.case === "run") return experiments.getRun({ name: found.value.name }, { signal });
    const page = await experiments.listRuns({ parent: found.value?.name ?? "", pageSize: 1 }, { signal });
    return page.runs[0];
  });
  useEffect(() => {
    document.title = "New experiment · Hooke";
  }, []);
  const start = from ? source.value && configYaml(source.value.configJson) : (preset?.yaml ?? "");
  return (
    <>
      <header class="page-head">
        <h1>New experiment</h1>
        {from && (
          <p class="muted">
            From the configuration of <a href={href(source.value?.runId === from ? "runs" : "experiments", from)}>{from}</a>, every default written out.
          </p>
        )}
        {!from && (
          <Select
            label="Begin with"
            value={preset?.name ?? ""}
            choices={presets.map(({ name, summary }) => ({ value: name, label: `${name} · ${summary}` }))}
            onChange={(name) => show({ preset: name }, true)}
          />
        )}
      </header>
      {source.error !== undefined && <Problem error={source.error} again={source.reload} />}
      {start === undefined && source.loading && <Loading what="the configuration" />}
      {start !== undefined && <Form key={from || preset?.name} start={start} />}
    </>
  );
}

interface Request {
  config: ParsedConfig["config"];
  experimentId: string;
  seeds: bigint[];
  sweep: { field: string; values: string[] }[];
  tags: Record<string, string>;
}

// What the form says, or what is wrong with it.
function requestOf(draft: Draft, parsed: ParsedConfig): { request: Request; problems: TextProblem[] } {
  const problems = [...parsed.problems];
  const wrong = (field: string, message: string) => problems.push({ line: 0, field, message });
  const seeds = parseSeeds(draft.seeds);
  if (!seeds) wrong("Seeds", "must be numbers and ranges, as 0-4 or 0, 3, 7");
  const axes = draft.sweep.split("\n").filter((line) => line.trim() !== "").map(parseAxis);
  if (axes.includes(undefined)) wrong("Sweep", "must be one parameter a line, as training.lr = 0.1, 0.01");
  const tags = parseTags(draft.tags);
  if (!tags) wrong("Tags", "must be names or name=value, separated by commas");
  const sweep = axes.filter((axis) => axis !== undefined);
  return { request: { config: parsed.config, experimentId: draft.name.trim(), seeds: seeds ?? [], sweep, tags: tags ?? {} }, problems };
}

function problemsOf(error: unknown, parsed: ParsedConfig): TextProblem[] {
  const violations = violationsOf(error);
  if (violations.length === 0) return [{ line: 0, field: "", message: messageOf(error) }];
  return violations.map(({ field, description }) => ({ line: parsed.lineOf(field.replace(/^config\./, "")), field, message: description }));
}

function Form({ start }: { start: string }) {
  const [draft, setDraft] = useState<Draft>({ ...fresh, text: start });
  const [problems, setProblems] = useState<TextProblem[]>([]);
  const [verdict, setVerdict] = useState("");
  const [busy, setBusy] = useState(false);
  // The same form sent twice, after a lost answer, is one experiment.
  const requestId = useMemo(() => uuid(), [draft]);
  const change = (part: Partial<Draft>) => {
    setDraft((old) => ({ ...old, ...part }));
    setVerdict("");
    setProblems([]);
  };
  const send = async (validateOnly: boolean) => {
    const parsed = parseConfig(draft.text);
    const { request, problems: wrong } = requestOf(draft, parsed);
    setProblems(wrong);
    setVerdict("");
    if (wrong.length > 0) return;
    setBusy(true);
    try {
      const answer = await experiments.submitExperiment({ requestId: validateOnly ? uuid() : requestId, ...request, validateOnly });
      if (validateOnly) setVerdict(`Valid: ${plural(answer.runs.length, "run")}.`);
      else go("experiments", lastPart(answer.experiment?.name ?? ""));
    } catch (error) {
      setProblems(problemsOf(error, parsed));
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
    void send(false);
  };
  return (
    <form class="submit" onSubmit={submit}>
      <Panel title="Configuration">
        <label class="field wide">
          <span class="hidden">Configuration, YAML or JSON</span>
          <textarea rows={30} spellcheck={false} value={draft.text} onInput={(event) => change({ text: event.currentTarget.value })} />
        </label>
      </Panel>
      <div>
        <Panel title="Runs">
          <div class="stack">
            <Text label="Name" value={draft.name} hint="as the configuration says" onChange={(name) => change({ name })} />
            <Text label="Seeds" value={draft.seeds} hint="as the configuration says; or 0-4, or 0, 3, 7" onChange={(seeds) => change({ seeds })} />
            <label class="field wide">
              <span>Sweep: one parameter a line, every combination gets runs of its own</span>
              <textarea rows={3} spellcheck={false} placeholder="training.lr = 0.1, 0.01" value={draft.sweep} onInput={(event) => change({ sweep: event.currentTarget.value })} />
            </label>
            <Text label="Tags" value={draft.tags} hint="team=vision, draft" onChange={(tags) => change({ tags })} />
          </div>
        </Panel>
        <div class="actions">
          <button type="submit" class="primary" disabled={busy}>
            Submit
          </button>
          <button type="button" disabled={busy} onClick={() => send(true)}>
            Check only
          </button>
        </div>
        <div role="status">{verdict && <p class="verdict">{verdict}</p>}</div>
        {problems.length > 0 && <Problems problems={problems} />}
      </div>
    </form>
  );
}

function Text({ label, value, hint, onChange }: { label: string; value: string; hint: string; onChange: (value: string) => void }) {
  return (
    <label class="field wide">
      <span>{label}</span>
      <input type="text" spellcheck={false} autocomplete="off" placeholder={hint} value={value} onInput={(event) => onChange(event.currentTarget.value)} />
    </label>
  );
}

function Problems({ problems }: { problems: TextProblem[] }) {
  return (
    <div class="problem" role="alert">
      <p>Nothing was submitted:</p>
      <ul>
        {problems.map(({ line, field, message }, i) => (
          <li key={i}>
            {line > 0 && `line ${line}: `}
            {field && <code>{field}</code>} {message}
          </li>
        ))}
      </ul>
    </div>
  );
}
