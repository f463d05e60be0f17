// What a run is and how far it has come; what can be done with it.
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { useState } from "preact/hooks";
import { experiments } from "../api/clients.js";
import { messageOf } from "../api/errors.js";
import { type Run, RunState } from "../generated/hooke/v1/resources_pb.js";
import { count, duration, experimentOf, short } from "../lib/format.js";
import { href } from "../lib/route.js";
import { sweepText } from "../pages/experiment_view.js";
import { isFinal, Progress, State, Tags } from "./widgets.js";

// Steps a second over the life of the run so far.
function rate(run: Run): number | undefined {
  if (!run.startTime || !run.recordTime || run.step < 0n) return undefined;
  const seconds = (timestampDate(run.recordTime).getTime() - timestampDate(run.startTime).getTime()) / 1000;
  return seconds > 0 ? Number(run.step + 1n) / seconds : undefined;
}

export function RunHeader({ run, onChanged }: { run: Run; onChanged: () => void }) {
  const done = Number(run.step) + 1;
  const total = Number(run.totalSteps);
  const perSecond = rate(run);
  const left = perSecond && run.state === RunState.RUNNING && total > done ? (total - done) / perSecond : undefined;
  return (
    <header class="page-head">
      <p class="path">
        <a href={href("experiments", experimentOf(run.name))}>{experimentOf(run.name)}</a> / run
      </p>
      <div class="title-line">
        <h1 class="mono">{run.runId}</h1>
        <State state={run.state} />
        <span class="muted">
          seed {String(run.seed)}
          {sweepText(run) ? ` · ${sweepText(run)}` : ""}
        </span>
        <Tags tags={run.tags} />
        <Actions run={run} onChanged={onChanged} />
      </div>
      <div class="progress-line">
        <Progress done={done} total={total} label="Training steps" />
        <span class="num">
          {total > 0 ? `${count(done)} of ${count(total)} steps` : "no steps yet"}
          {run.state === RunState.RUNNING && perSecond ? ` · ${short(perSecond, 2)}/s` : ""}
          {left !== undefined ? ` · ${duration(left)} left` : ""}
          {run.attempt > 1 ? ` · attempt ${run.attempt}` : ""}
          {run.worker && !isFinal(run.state) ? ` · ${run.worker}` : ""}
        </span>
      </div>
      {run.reason && <p class={run.state === RunState.FAILED ? "problem" : "caption"}>{run.reason.message}</p>}
      {run.note && <p class="note">{run.note}</p>}
    </header>
  );
}

function Actions({ run, onChanged }: { run: Run; onChanged: () => void }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [sure, setSure] = useState(false);
  const act = async (call: () => Promise<unknown>) => {
    setBusy(true);
    setSure(false);
    setError(undefined);
    try {
      await call();
      onChanged();
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  const ended = run.state === RunState.FAILED || run.state === RunState.CANCELLED;
  return (
    <span class="actions">
      <a class="button" href={href("submit", undefined, { from: run.runId })}>
        Run again …
      </a>
      {!isFinal(run.state) &&
        (sure ? (
          <span role="group" aria-label="Cancel this run?">
            <button type="button" class="danger" disabled={busy} onClick={() => act(() => experiments.cancelRun({ name: run.name }))}>
              Cancel this run
            </button>
            <button type="button" onClick={() => setSure(false)}>
              Keep it
            </button>
          </span>
        ) : (
          <button type="button" disabled={busy} onClick={() => setSure(true)}>
            Cancel …
          </button>
        ))}
      {ended && (
        <button type="button" disabled={busy} onClick={() => act(() => experiments.retryRun({ name: run.name }))}>
          Retry
        </button>
      )}
      {isFinal(run.state) && <Extend run={run} busy={busy} act={act} />}
      {error !== undefined && (
        <span class="problem" role="alert">
          {messageOf(error)}
        </span>
      )}
    </span>
  );
}

function epochsOf(run: Run): number {
  try {
    return (JSON.parse(run.configJson) as { training?: { epochs?: number } }).training?.epochs ?? 1;
  } catch {
    return 1;
  }
}

// Trains a run further, from its final checkpoint.
function Extend({ run, busy, act }: { run: Run; busy: boolean; act: (call: () => Promise<unknown>) => void }) {
  const now = epochsOf(run);
  const [open, setOpen] = useState(false);
  const [epochs, setEpochs] = useState(String(now * 2));
  if (!open)
    return (
      <button type="button" disabled={busy} onClick={() => setOpen(true)}>
        Extend …
      </button>
    );
  const submit = (event: Event) => {
    event.preventDefault();
    setOpen(false);
    act(() => experiments.extendRun({ name: run.name, epochs: Number(epochs) }));
  };
  return (
    <form class="zoom" onSubmit={submit}>
      <label class="field">
        <span>from {now} to</span>
        <input type="text" inputMode="numeric" size={4} value={epochs} onInput={(event) => setEpochs(event.currentTarget.value)} />
        <span>epochs</span>
      </label>
      <button type="submit" class="primary" disabled={busy || !/^\d{1,9}$/.test(epochs)}>
        Extend
      </button>
      <button type="button" onClick={() => setOpen(false)}>
        Leave it
      </button>
    </form>
  );
}
