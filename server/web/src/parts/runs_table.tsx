// The runs of an experiment: what was swept stands in columns; those that are ticked can be compared.
import { useState } from "preact/hooks";
import type { Run } from "../generated/hooke/v1/resources_pb.js";
import { count, short } from "../lib/format.js";
import { href, show } from "../lib/route.js";
import { Panel, Progress, State } from "./widgets.js";

const shownFirst = 100;
const mostCompared = 8;
const figures = ["train/loss", "train/accuracy", "test/loss", "test/accuracy"];

export function RunsTable({ runs, picked }: { runs: Run[]; picked: string[] }) {
  const [most, setMost] = useState(shownFirst);
  const swept = [...new Set(runs.flatMap((run) => Object.keys(run.sweep)))].sort();
  const shown = figures.filter((key) => runs.some((run) => run.latest.some((value) => value.key === key)));
  const pick = (id: string, on: boolean) => show({ picked: (on ? [...picked, id] : picked.filter((other) => other !== id)).join("\n") });
  return (
    <Panel
      title={`Runs (${count(runs.length)})`}
      class="scroll"
      tools={
        <>
          <span class="muted">{picked.length === 0 ? "tick two to eight to compare" : `${picked.length} ticked`}</span>
          {picked.length >= 2 && picked.length <= mostCompared && (
            <a class="button primary" href={href("compare", undefined, { runs: picked.join("\n") })}>
              Compare {picked.length} runs
            </a>
          )}
          {picked.length > 0 && (
            <button type="button" class="plain" onClick={() => show({ picked: undefined })}>
              none
            </button>
          )}
        </>
      }
    >
      <table class="list">
        <thead>
          <tr>
            <th scope="col">
              <span class="hidden">compare</span>
            </th>
            <th scope="col">run</th>
            <th scope="col">state</th>
            <th scope="col">steps</th>
            {swept.map((field) => (
              <th scope="col" key={field}>
                {field}
              </th>
            ))}
            <th scope="col" class="num">
              seed
            </th>
            {shown.map((key) => (
              <th scope="col" class="num" key={key}>
                {key}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {runs.slice(0, most).map((run) => (
            <tr key={run.runId}>
              <td>
                <input
                  type="checkbox"
                  aria-label={`Compare ${run.runId}`}
                  checked={picked.includes(run.runId)}
                  disabled={picked.length >= mostCompared && !picked.includes(run.runId)}
                  onChange={(event) => pick(run.runId, event.currentTarget.checked)}
                />
              </td>
              <td>
                <a class="mono" href={href("runs", run.runId)}>
                  {run.runId}
                </a>
              </td>
              <td title={run.reason?.message}>
                <State state={run.state} />
              </td>
              <td>
                <Progress done={Number(run.step) + 1} total={Number(run.totalSteps)} label={`${run.step + 1n} of ${run.totalSteps} steps`} />
              </td>
              {swept.map((field) => (
                <td key={field}>{run.sweep[field] ?? ""}</td>
              ))}
              <td class="num">{String(run.seed)}</td>
              {shown.map((key) => (
                <td class="num" key={key}>
                  {short(run.latest.find((value) => value.key === key)?.value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {runs.length > most && (
        <button type="button" onClick={() => setMost(most + shownFirst)}>
          Show more of {count(runs.length)}
        </button>
      )}
    </Panel>
  );
}
