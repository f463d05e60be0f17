// One experiment: its runs, live; what was swept stands in columns.
import { useEffect, useState } from "preact/hooks";
import { experiments } from "../api/clients.js";
import { follow } from "../api/follow.js";
import { useCall } from "../api/use_call.js";
import type { Run } from "../generated/hooke/v1/resources_pb.js";
import { count, short } from "../lib/format.js";
import { href, useAddress } from "../lib/route.js";
import { Empty, isFinal, Loading, Problem, Progress, State, Tags } from "../parts/widgets.js";
import { FilterForm } from "./experiments.js";

const shownFirst = 200;
const figures = ["train/loss", "train/accuracy", "test/loss", "test/accuracy"];

export function ExperimentPage({ id }: { id: string }) {
  const filter = useAddress().params.filter ?? "";
  const answer = useCall(JSON.stringify([id, filter]), async (signal) => {
    const name = `experiments/${id}`;
    const experiment = await experiments.getExperiment({ name }, { signal });
    const runs: Run[] = [];
    let pageToken = "";
    do {
      const page = await experiments.listRuns({ parent: name, filter, pageSize: 1000, pageToken }, { signal });
      runs.push(...page.runs);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return { experiment, runs };
  });
  const runs = useLive(`experiments/${id}`, answer.value?.runs);
  const [most, setMost] = useState(shownFirst);
  useEffect(() => {
    document.title = `${id} · Hooke`;
  }, [id]);
  if (answer.error !== undefined) return <Problem error={answer.error} again={answer.reload} />;
  if (!answer.value || !runs) return <Loading what="the experiment" />;
  const { experiment } = answer.value;
  const swept = [...new Set(runs.flatMap((run) => Object.keys(run.sweep)))].sort();
  const shown = figures.filter((key) => runs.some((run) => run.latest.some((value) => value.key === key)));
  return (
    <>
      <header class="page-head">
        <div class="title-line">
          <h1>{id}</h1>
          <Tags tags={experiment.tags} />
        </div>
        {experiment.note && <p class="note">{experiment.note}</p>}
        <FilterForm filter={filter} hint="state = FAILED, or config.training.lr < 0.01" />
      </header>
      {runs.length === 0 && <Empty title="No run fits this filter." />}
      {runs.length > 0 && (
        <div class="panel scroll">
          <table class="list">
            <thead>
              <tr>
                <th scope="col">run</th>
                <th scope="col">state</th>
                <th scope="col">steps</th>
                {swept.map((field) => (
                  <th scope="col" key={field}>
                    {field}
                  </th>
                ))}
                <th scope="col">seed</th>
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
        </div>
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
