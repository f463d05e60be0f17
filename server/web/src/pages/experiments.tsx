// Experiments, newest first: found by a filter, with the states of their runs. Asked again while it is shown.
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { useEffect } from "preact/hooks";
import { experiments } from "../api/clients.js";
import { useCall } from "../api/use_call.js";
import { ago, lastPart, plural } from "../lib/format.js";
import { href, useAddress } from "../lib/route.js";
import { Dominance } from "../parts/dominance.js";
import { FilterForm } from "../parts/filter_form.js";
import { Empty, isFinal, Loading, Problem, Progress, State, Tags } from "../parts/widgets.js";

const everyMs = 5000;

export function ExperimentsPage() {
  const { params } = useAddress();
  const filter = params.filter ?? "";
  const answer = useCall(
    `experiments ${filter} ${params.page ?? ""}`,
    (signal) => experiments.listExperiments({ filter, pageToken: params.page ?? "" }, { signal }),
    `experiments ${filter}`,
  );
  useReloading(answer.reload);
  useEffect(() => {
    document.title = "Experiments · Hooke";
  }, []);
  const found = answer.value?.experiments ?? [];
  return (
    <>
      <header class="page-head">
        <div class="title-line">
          <h1>Experiments</h1>
          <span class="actions">
            <a class="button" href={href("submit")}>
              New experiment …
            </a>
          </span>
        </div>
        <FilterForm filter={filter} hint='a word, or state:RUNNING AND tags.team = "vision"' />
      </header>
      {answer.error !== undefined && <Problem error={answer.error} again={answer.reload} />}
      {!answer.value && answer.loading && <Loading what="experiments" />}
      {answer.value && found.length === 0 && (
        <Empty title={filter ? "No experiment fits this filter." : "There are no experiments yet."}>
          {!filter && (
            <p>
              <a class="button primary" href={href("submit")}>
                New experiment
              </a>{" "}
              or, on the command line, <code>hooke submit --preset fashion-mnist</code>
            </p>
          )}
        </Empty>
      )}
      {found.length > 0 && (
        <div class="panel scroll">
          <table class="list">
            <thead>
              <tr>
                <th scope="col">experiment</th>
                <th scope="col">runs</th>
                <th scope="col">ended</th>
                <th scope="col">newest dominance</th>
                <th scope="col">tags</th>
                <th scope="col">submitted</th>
              </tr>
            </thead>
            <tbody>
              {found.map((experiment) => {
                const ended = experiment.runCounts.filter(({ state }) => isFinal(state)).reduce((all, { count }) => all + count, 0);
                const name = lastPart(experiment.name);
                return (
                  <tr key={experiment.name}>
                    <td>
                      <a href={href("experiments", name)}>{name}</a>
                    </td>
                    <td>
                      {plural(experiment.runCount, "run")}:{" "}
                      {experiment.runCounts.map(({ state, count }) => (
                        <span key={state}>
                          <State state={state} count={count} />{" "}
                        </span>
                      ))}
                    </td>
                    <td>
                      <Progress done={ended} total={experiment.runCount} label={`${ended} of ${experiment.runCount} runs ended`} />
                    </td>
                    <td class="num left">
                      <Dominance experiment={experiment} />
                    </td>
                    <td>
                      <Tags tags={experiment.tags} />
                    </td>
                    <td class="muted">
                      {ago(experiment.createTime && timestampDate(experiment.createTime), new Date())} · {experiment.submitter}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
      {answer.value?.nextPageToken && <a href={href("experiments", undefined, { filter, page: answer.value.nextPageToken })}>Older ones</a>}
    </>
  );
}

// Asks again every few seconds while somebody looks.
export function useReloading(reload: () => void): void {
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && reload(), everyMs);
    return () => clearInterval(timer);
  }, [reload]);
}
