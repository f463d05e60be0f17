// Who is there to train, and what they do. Asked again while it is shown.
import { useEffect } from "preact/hooks";
import { experiments } from "../api/clients.js";
import { useCall } from "../api/use_call.js";
import { ago, lastPart } from "../lib/format.js";
import { href } from "../lib/route.js";
import { Empty, Loading, Problem, Tags } from "../parts/widgets.js";
import { useReloading } from "./experiments.js";

export function WorkersPage() {
  const answer = useCall("workers", (signal) => experiments.listWorkers({ pageSize: 1000 }, { signal }));
  useReloading(answer.reload);
  useEffect(() => {
    document.title = "Workers · Hooke";
  }, []);
  if (answer.error !== undefined) return <Problem error={answer.error} again={answer.reload} />;
  if (!answer.value) return <Loading what="workers" />;
  const { workers } = answer.value;
  if (workers.length === 0)
    return (
      <Empty title="No worker has been here within the last day.">
        <p>
          <code>hooke workers launch</code> starts one.
        </p>
      </Empty>
    );
  return (
    <>
      <header class="page-head">
        <h1>Workers</h1>
      </header>
      <div class="panel scroll">
        <table class="list">
          <thead>
            <tr>
              <th scope="col">worker</th>
              <th scope="col">devices</th>
              <th scope="col">works on</th>
              <th scope="col">last seen</th>
              <th scope="col">labels</th>
              <th scope="col">version</th>
            </tr>
          </thead>
          <tbody>
            {workers.map((worker) => (
              <tr key={worker.name}>
                <td>{worker.name}</td>
                <td>{worker.devices.join(", ")}</td>
                <td>{worker.run ? <a href={href("runs", lastPart(worker.run))}>{lastPart(worker.run)}</a> : <span class="muted">idle</span>}</td>
                <td class="num">{ago(new Date(Number(worker.lastSeenUs) / 1000), new Date())}</td>
                <td>
                  <Tags tags={worker.labels} />
                </td>
                <td>{worker.version}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
