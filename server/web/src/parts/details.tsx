// What is needed to make a run again, and what happened to it.
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Provenance, Run } from "../generated/hooke/v1/resources_pb.js";
import { configYaml } from "../lib/config_text.js";
import { count } from "../lib/format.js";
import { Panel, State } from "./widgets.js";

export function RunDetails({ run }: { run: Run }) {
  return (
    <div class="details-grid">
      <Panel title="Configuration" id="config">
        <pre class="code" tabIndex={0}>{configYaml(run.configJson)}</pre>
        <p class="muted">
          SHA-256 <code class="break">{run.configHash}</code>
        </p>
        {run.configHistory.length > 0 && (
          <details>
            <summary>{run.configHistory.length} earlier, before the run was extended</summary>
            {run.configHistory.map((json, i) => (
              <pre class="code" tabIndex={0} key={i}>
                {configYaml(json)}
              </pre>
            ))}
          </details>
        )}
      </Panel>
      <div>
        <Panel title="History">
          <ol class="history">
            {run.history.map((change, i) => (
              <li key={i}>
                <State state={change.state} />{" "}
                <time class="num">{change.time ? timestampDate(change.time).toLocaleString() : ""}</time>
                {change.attempt > 0 ? ` · attempt ${change.attempt}` : ""}
                {change.worker ? ` · ${change.worker}` : ""}
                {change.reason && <div class="muted">{change.reason.message}</div>}
              </li>
            ))}
          </ol>
        </Panel>
        {run.provenance && <Origin provenance={run.provenance} run={run} />}
        {run.logTail.length > 0 && (
          <Panel title="Last lines of the log">
            <pre class="code" tabIndex={0}>
              {run.logTail.join("\n")}
            </pre>
          </Panel>
        )}
      </div>
    </div>
  );
}

function Origin({ provenance, run }: { provenance: Provenance; run: Run }) {
  const rows: [string, string][] = [
    ["submitted by", run.submitter],
    ["Hooke", `${provenance.hookeVersion} (${provenance.gitCommit})`],
    ["LibTorch", provenance.libtorchVersion],
    ["device", provenance.device],
    ["CPU", provenance.cpu],
    ["host", provenance.host],
    ["threads", `${provenance.trainingThreads} training, ${provenance.threads} measuring`],
    ["parameters", count(provenance.parameters)],
    ["data", provenance.dataPath],
    ["training examples", provenance.trainExamples.map(count).join(", ")],
    ["test examples", provenance.testExamples.map(count).join(", ")],
    ...Object.entries(provenance.dataChecksums).map(([file, sum]): [string, string] => [`CRC-32 of ${file}`, sum]),
  ];
  return (
    <Panel title="Provenance">
      <table class="pairs">
        <tbody>
          {rows
            .filter(([, value]) => value !== "")
            .map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{value}</td>
              </tr>
            ))}
        </tbody>
      </table>
      {provenance.probes.length > 0 && (
        <details>
          <summary>Probes: indices into the training file</summary>
          {provenance.probes.map((set, i) => (
            <p key={i}>
              <b>{set.className}</b> <span class="num break">{set.datasetIndex.join(", ")}</span>
            </p>
          ))}
        </details>
      )}
    </Panel>
  );
}
