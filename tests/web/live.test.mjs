// Runs that go on while somebody looks: from submit to report, live curves, cancel, a server that goes away.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { address, eventually, gaussians, House, launch, open } from "./house.mjs";

let house, browser, page;

before(async () => {
  house = new House();
  [, browser] = await Promise.all([house.startServer(), launch()]);
  house.startWorker("worker");
});

after(async () => {
  await browser?.close();
  await house?.close();
});

afterEach(async () => {
  const broken = page?.broken ?? [];
  await page?.context().close();
  page = undefined;
  const { runs = [] } = await house.call("ExperimentService/ListRuns", { parent: "experiments/-", filter: "state = RUNNING OR state = QUEUED" });
  for (const { name } of runs) await house.call("ExperimentService/CancelRun", { name });
  assert.deepEqual(broken, []);
});

// Trains for far longer than any test looks.
const endless = (name) => gaussians({ name, epochs: 100_000, every: 200 });

async function submitInBrowser(text, fields = {}) {
  await page.getByLabel("Configuration, YAML or JSON").fill(text);
  for (const [label, value] of Object.entries(fields)) await page.getByLabel(label).fill(value);
  await page.getByRole("button", { name: "Submit" }).click();
}

async function running(experiment) {
  const file = house.file(`${experiment}.yaml`, endless(experiment));
  house.hooke("submit", file);
  await eventually(async () => (await house.runsOf(experiment))[0].step > 100, "the first hundred steps");
  return (await house.runsOf(experiment))[0];
}

const done = async () => Number(/^([\d\s]+) of/.exec(await page.locator(".progress-line").innerText())?.[1].replace(/\s/g, "") ?? 0);

test("an experiment is followed from submit to report without leaving the browser", async () => {
  page = await open(browser, house, "/submit");
  await submitInBrowser(gaussians({ name: "whole" }).replace("lr: 1e-2", "lr: -1"));
  const alert = page.getByRole("alert");
  assert.match(await alert.innerText(), /line 4: training\.lr/);
  await submitInBrowser(gaussians({ name: "whole" }).replace("type: mlp", "type: mpl"));
  assert.match(await alert.innerText(), /line 3: model\.type 'mpl' is not allowed; one of linear, mlp/);
  assert.equal((await house.call("ExperimentService/ListExperiments", {})).experiments, undefined);
  await submitInBrowser(gaussians({ name: "whole" }), { Seeds: "0-1", Tags: "made=here" });
  await page.getByRole("heading", { name: "whole" }).waitFor();
  await page.getByText("2 succeeded").waitFor();
  await page.getByText("made=here").waitFor();
  await page.getByRole("table", { name: /^Phases of/ }).waitFor();
  await page.getByRole("link", { name: "Report" }).click();
  await page.getByRole("heading", { name: "Influence: elasticity/kl" }).waitFor();
});

test("a run's page grows by what is new, and never reads the whole again", async () => {
  const run = await running("grows");
  page = await open(browser, house, `/runs/${run.runId}`);
  await page.getByRole("group", { name: /^Loss/ }).locator(".u-over").waitFor();
  await page.getByRole("img", { name: /^Influence between/ }).waitFor();
  await eventually(async () => (await done()) > Number(run.step), "what had come before");
  page.calls.length = 0;
  const asked = () => page.calls.filter(({ method, body }) => method === "QueryService/GetSeries" && body?.keys.includes("train/loss")).map(({ body }) => Number(body.fromStep ?? 0));
  await eventually(() => asked().length >= 3, "three requests for what is new");
  asked().forEach((from, i, all) => assert.ok(from > (all[i - 1] ?? Number(run.step)), `asked from step ${from}, after ${all.slice(0, i)}`));
  const slider = page.getByRole("slider", { name: "Step of the measurement" });
  const step = async () => Number(/\d+/.exec(await slider.getAttribute("aria-valuetext"))[0]);
  const last = await step();
  await eventually(async () => (await step()) > last, "a newer matrix");
});

test("a server that stops is said to be away, and the page goes on when it is back", async () => {
  const run = await running("away");
  page = await open(browser, house, `/runs/${run.runId}`);
  await eventually(async () => (await done()) > 100, "progress");
  await house.stop(house.server, "SIGKILL");
  const banner = page.getByText(/^Disconnected, trying again/);
  await banner.waitFor();
  const before = await done();
  assert.ok(before > 100, "what was shown stays");
  await house.startServer();
  // Unless the page has found it by itself meanwhile.
  await page.getByRole("button", { name: "Try now" }).click({ timeout: 1000 }).catch(() => undefined);
  await banner.waitFor({ state: "detached" });
  await eventually(async () => (await done()) > before, "steps after the server's return");
});

test("a run is cancelled, after a second thought, and tried again", async () => {
  const run = await running("cancelled");
  page = await open(browser, house, `/runs/${run.runId}`);
  const head = page.locator(".page-head");
  await page.getByRole("button", { name: "Cancel …" }).click();
  await page.getByRole("button", { name: "Keep it" }).click();
  assert.equal((await house.runsOf("cancelled"))[0].state, "RUN_STATE_RUNNING");
  await page.getByRole("button", { name: "Cancel …" }).click();
  await page.getByRole("button", { name: "Cancel this run" }).click();
  await head.locator(".state-cancelled").waitFor();
  await eventually(async () => (await house.runsOf("cancelled"))[0].state === "RUN_STATE_CANCELLED", "the cancel");
  await page.getByRole("button", { name: "Retry" }).click();
  await head.locator(".state-queued, .state-running").waitFor();
  await eventually(async () => (await house.runsOf("cancelled"))[0].attempt > 1, "another attempt");
});

test("a finished run is extended, and a form begun from a run holds its configuration", async () => {
  house.hooke("submit", house.file("short.yaml", gaussians({ name: "short" })));
  await house.finish("short");
  const [run] = await house.runsOf("short");
  page = await open(browser, house, `/runs/${run.runId}`);
  await page.getByRole("button", { name: "Extend …" }).click();
  await page.getByLabel(/from 1 to/).fill("2");
  await page.getByRole("button", { name: "Extend", exact: true }).click();
  const total = Number(run.totalSteps);
  await eventually(async () => Number((await house.runsOf("short"))[0].step) === 2 * total - 1, "the end of the second epoch");
  await page.locator(".page-head .state-succeeded").waitFor();
  await page.getByRole("link", { name: "Run again …" }).click();
  const text = page.getByLabel("Configuration, YAML or JSON");
  assert.match(await text.inputValue(), /epochs: 2/);
  await page.getByRole("button", { name: "Check only" }).click();
  await page.getByText("Valid: 1 run.").waitFor();
  assert.equal(address(page).get("from"), run.runId);
});

test("an experiment's page follows its runs", async () => {
  const run = await running("followed");
  page = await open(browser, house, "/experiments/followed");
  const row = page.getByRole("row", { name: new RegExp(run.runId) });
  await row.getByText("running").waitFor();
  const shown = async () => Number(/^(\d+) of/.exec(await row.getByRole("progressbar").getAttribute("aria-label"))[1]);
  const first = await shown();
  await eventually(async () => (await shown()) > first, "progress in the list");
  await page.getByRole("button", { name: "Cancel …" }).click();
  await page.getByRole("button", { name: "Cancel 1 run" }).click();
  await row.getByText("cancelled").waitFor();
});
