// What can be done with an experiment.
import { useState } from "preact/hooks";
import { experiments } from "../api/clients.js";
import { messageOf } from "../api/errors.js";
import type { Experiment, Run } from "../generated/hooke/v1/resources_pb.js";
import { lastPart, plural } from "../lib/format.js";
import { href } from "../lib/route.js";
import { isFinal } from "./widgets.js";

export function ExperimentActions({ experiment, runs, onChanged }: { experiment: Experiment; runs: Run[]; onChanged: () => void }) {
  const [busy, setBusy] = useState(false);
  const [sure, setSure] = useState(false);
  const [error, setError] = useState<unknown>();
  const id = lastPart(experiment.name);
  const going = runs.filter(({ state }) => !isFinal(state));
  const cancel = async () => {
    setBusy(true);
    setSure(false);
    setError(undefined);
    try {
      for (const run of going) await experiments.cancelRun({ name: run.name });
    } catch (problem) {
      setError(problem);
    }
    setBusy(false);
    onChanged();
  };
  return (
    <span class="actions">
      <a class="button" href={href("submit", undefined, { from: id })}>
        Run again …
      </a>
      <a class="button" href={href("report", id)}>
        Report
      </a>
      {going.length > 0 && !sure && (
        <button type="button" disabled={busy} onClick={() => setSure(true)}>
          Cancel …
        </button>
      )}
      {sure && (
        <span role="group" aria-label="Cancel these runs?" class="actions">
          <button type="button" class="danger" onClick={cancel}>
            Cancel {plural(going.length, "run")}
          </button>
          <button type="button" onClick={() => setSure(false)}>
            Keep them
          </button>
        </span>
      )}
      {error !== undefined && (
        <span class="problem" role="alert">
          {messageOf(error)}
        </span>
      )}
    </span>
  );
}
