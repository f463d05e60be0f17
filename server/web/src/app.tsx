// Which page stands for which address.
import { useAddress } from "./lib/route.js";
import { ComparePage } from "./pages/compare.js";
import { ExperimentPage } from "./pages/experiment.js";
import { ExperimentsPage } from "./pages/experiments.js";
import { ReportPage } from "./pages/report.js";
import { RunPage } from "./pages/run.js";
import { SubmitPage } from "./pages/submit.js";
import { WorkersPage } from "./pages/workers.js";
import { Shell } from "./parts/shell.js";
import { Empty } from "./parts/widgets.js";

export function App() {
  return (
    <Shell>
      <Page />
    </Shell>
  );
}

function Page() {
  const { page, id } = useAddress();
  if (page === "experiments" && id) return <ExperimentPage key={id} id={id} />;
  if (page === "" || page === "experiments") return <ExperimentsPage />;
  if (page === "compare") return <ComparePage />;
  if (page === "report" && id) return <ReportPage key={id} id={id} />;
  if (page === "submit") return <SubmitPage />;
  if (page === "workers") return <WorkersPage />;
  if (page === "runs" && id) return <RunPage key={id} id={id} />;
  return (
    <Empty title="There is no such page.">
      <p>
        <a href="#/experiments">To the experiments</a>
      </p>
    </Empty>
  );
}
