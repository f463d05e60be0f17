// Every page, on finished runs.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { address, eventually, gaussians, House, launch, open } from "./house.mjs";

let house, browser, page, runs;

before(async () => {
  house = new House();
  [, browser] = await Promise.all([house.startServer(), launch()]);
  const file = house.file("three.yaml", gaussians({ name: "three", measures: "kl, loss, l2_logit, linearity_gap" }));
  house.hooke("submit", file, "--seeds", "2", "--sweep", "training.lr=0.01,0.02", "--tag", "team=vision");
  house.startWorker("worker");
  await house.finish("three");
  runs = await house.runsOf("three");
  // A spike that only a finer look finds, far from the extremes of the whole.
  const rows = Array.from({ length: 40_000 }, (_, i) => `${i},${i === 20_123 ? 0.6 : Math.sin(i / 3000) + (i === 5 ? 9 : 0)}`);
  house.hooke("import", "csv", house.file("long/signal.csv", `step,value\n${rows.join("\n")}\n`), "--as", "long");
});

after(async () => {
  await browser?.close();
  await house?.close();
});

afterEach(async () => {
  const broken = page?.broken ?? [];
  await page?.context().close();
  page = undefined;
  assert.deepEqual(broken, []);
});

test("a link gives the token once: it is kept, and leaves the address", async () => {
  page = await open(browser, house);
  await page.getByRole("link", { name: "three", exact: true }).waitFor();
  assert.ok(!page.url().includes(house.token));
  await page.goto(house.url);
  await page.getByRole("link", { name: "three", exact: true }).waitFor();
});

test("a wrong token is refused and the right one taken", async () => {
  page = await open(browser, { url: house.url, token: "wrong" });
  await page.getByRole("heading", { name: "This token was refused" }).waitFor();
  await page.getByLabel("Token").fill(house.token);
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "three", exact: true }).waitFor();
});

test("the list finds experiments by a filter and says what is wrong with one", async () => {
  page = await open(browser, house);
  await page.getByRole("link", { name: "long", exact: true }).waitFor();
  const row = page.getByRole("row", { name: /three/ });
  assert.match(await row.innerText(), /4 succeeded/);
  const { dominance } = await house.call("QueryService/GetInfluence", { parent: "experiments/three", resamples: 100 });
  await eventually(async () => (await row.innerText()).includes(dominance.value.toPrecision(3).replace("-", "−").replace(/\.?0+$/, "")), "the newest dominance");
  await page.getByLabel("Filter").fill("tags.team = vision");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "long", exact: true }).waitFor({ state: "detached" });
  assert.equal(address(page).get("filter"), "tags.team = vision");
  await page.getByLabel("Filter").fill("nothing_like = 3");
  await page.keyboard.press("Enter");
  assert.match(await page.getByRole("alert").innerText(), /nothing_like/);
});

test("an experiment shows what was swept, a curve for each point of it, and phases over its runs", async () => {
  page = await open(browser, house, "/experiments/three");
  await page.getByRole("columnheader", { name: "training.lr" }).waitFor();
  for (const label of ["training.lr = 0.01 · train/loss", "training.lr = 0.02 · train/loss"]) await page.getByText(label).first().waitFor();
  const [value] = (await house.call("QueryService/GetSeries", { runs: runs.filter(({ sweep }) => sweep["training.lr"] === "0.01").map(({ name }) => name), keys: ["train/loss"], points: 2 })).columns[0].value.slice(-1);
  const legend = page.getByRole("group", { name: /^Loss/ }).locator(".legend-item").first();
  await eventually(async () => parseFloat((await legend.locator(".num").innerText()).replace("−", "-")) === Number(value.toPrecision(3)), "the mean over seeds in the legend");
  assert.match(await legend.innerText(), /±/);
  await page.getByRole("table", { name: /^Phases of/ }).waitFor();
  assert.equal(await page.locator(".lane").count(), 4);
  await page.getByText("mean over 4 runs").first().waitFor();
});

test("the matrix shows what the server answers, at the step that was scrubbed to, and a reload keeps it", async () => {
  page = await open(browser, house, `/runs/${runs[0].runId}`);
  const slider = page.getByRole("slider", { name: "Step of the measurement" });
  await slider.focus();
  for (let i = 0; i < 3; ++i) await page.keyboard.press("ArrowLeft");
  const step = /step (\d+)/.exec(await slider.getAttribute("aria-valuetext"))[1];
  await eventually(() => address(page).get("step") === step, "the step in the address");
  const answer = await house.call("QueryService/GetInfluence", { parent: runs[0].name, step });
  await page.getByText("Values as a table").click();
  const first = page.locator("details.values tbody tr").first().locator("td").first();
  const expected = Number((answer.cells[0].mean ?? 0).toPrecision(3));
  await eventually(async () => parseFloat((await first.innerText()).replace("−", "-")) === expected, "the server's value in the table");
  await page.reload();
  await eventually(async () => (await slider.getAttribute("aria-valuetext")) === `step ${step}`, "the same step after a reload");
});

test("what first order predicts is drawn beside what was measured", async () => {
  page = await open(browser, house, `/runs/${runs[0].runId}`);
  const keys = ["l2_logit", "linearity_gap"].map((measure) => `elasticity/${measure}[1,0]`);
  const { columns } = await house.call("QueryService/GetSeries", { run: runs[0].name, keys });
  const [measured, gap] = columns.map(({ value }) => value.at(-1));
  const chart = page.getByRole("group", { name: /^Measured and predicted to first order, update on 0/ });
  const shown = async (name) => parseFloat((await chart.locator(".legend-item").filter({ hasText: name }).locator(".num").innerText()).replace("−", "-"));
  assert.equal(await shown("1, measured"), Number(measured.toPrecision(3)));
  assert.equal(await shown("1, predicted"), Number((measured - gap).toPrecision(3)));
});

test("cells are reached with the arrow keys and by the mouse", async () => {
  page = await open(browser, house, `/runs/${runs[0].runId}`);
  const map = page.getByRole("img", { name: /^Influence between 3 classes/ });
  await map.focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.getByText(/0 responds to an update on 1:/).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.getByText(/1 responds to an update on 1:/).waitFor();
});

test("playing goes through the steps", async () => {
  page = await open(browser, house, `/runs/${runs[0].runId}`);
  const slider = page.getByRole("slider", { name: "Step of the measurement" });
  const newest = await slider.getAttribute("aria-valuetext");
  await page.getByRole("button", { name: "Play through the steps" }).click();
  const seen = new Set();
  await eventually(async () => seen.add(await slider.getAttribute("aria-valuetext")).size >= 4, "four steps of the play");
  await page.getByRole("button", { name: "Pause" }).click();
  assert.ok(seen.has(newest) || seen.size >= 4);
});

test("dragging over a chart fetches the finer range, which shows what the whole cannot", async () => {
  const [{ runId, name }] = await house.runsOf("long");
  page = await open(browser, house, `/runs/${runId}`);
  const chart = page.getByRole("group", { name: /^signal/ });
  const over = chart.locator(".u-over");
  await over.waitFor();
  const box = await over.boundingBox();
  const at = (step) => box.x + (step / 39_999) * box.width;
  await page.mouse.move(at(19_000), box.y + 40);
  await page.mouse.down();
  await page.mouse.move(at(20_500), box.y + 60, { steps: 4 });
  await page.mouse.move(at(21_000), box.y + 60);
  await page.mouse.up();
  await eventually(() => address(page).get("from"), "the range in the address");
  const [from, to] = [Number(address(page).get("from")), Number(address(page).get("to"))];
  assert.ok(from > 18_500 && from < 19_500 && to > 20_500 && to < 21_500, `${from} to ${to}`);
  const asked = await eventually(() => page.calls.find(({ method, body }) => method === "QueryService/GetSeries" && body?.fromStep === String(from)), "a request for the range");
  assert.equal(asked.body.toStep, String(to));
  const inside = async (request) => (await house.call("QueryService/GetSeries", request)).columns[0].step.filter((step) => step >= from && step <= to).length;
  const coarse = await inside({ run: name, keys: ["signal"], points: asked.body.points });
  const fine = await inside(asked.body);
  assert.ok(fine > 3 * coarse, `${fine} points against ${coarse}`);
  await page.reload();
  await over.waitFor();
  assert.equal(Number(address(page).get("from")), from);
  await chart.focus();
  await page.keyboard.press("0");
  await eventually(() => !address(page).get("from"), "all steps again");
});

test("runs that are ticked are compared: parameters, curves, matrices and their difference", async () => {
  page = await open(browser, house, "/experiments/three");
  const [a, b] = [runs.find(({ sweep }) => sweep["training.lr"] === "0.01"), runs.find(({ sweep }) => sweep["training.lr"] === "0.02")];
  for (const { runId } of [a, b]) await page.getByLabel(`Compare ${runId}`).check();
  await page.getByRole("link", { name: "Compare 2 runs" }).click();
  await page.getByRole("row", { name: "training.lr 0.01 0.02" }).waitFor();
  await page.getByText(/^Minus /).waitFor();
  const maps = page.locator(".map-grid").nth(1).getByRole("img");
  await maps.first().focus();
  await page.keyboard.press("ArrowDown");
  const side = ({ name }) => ({ parent: name, measure: "kl", step: /step (\d+)/.exec(label)[1] });
  const label = await maps.first().getAttribute("aria-label");
  const { cells } = await house.call("QueryService/GetInfluenceDifference", { side: side(b), against: side(a), permutations: 99 });
  const shown = await page.locator(".map-grid").nth(1).locator(".cell-line b").first().innerText();
  assert.equal(parseFloat(shown.replace("−", "-")), Number(cells[0].figure.difference.toPrecision(4)));
});

test("one run is too few to compare, and the page says so", async () => {
  page = await open(browser, house, `/compare?runs=${runs[0].runId}`);
  await page.getByText("Two to eight runs can be compared, not 1.").waitFor();
});

test("what a chart shows can be had as CSV, at full precision, and as SVG", async () => {
  page = await open(browser, house, `/runs/${runs[0].runId}?series=train%2Floss`);
  const panel = page.locator("section.panel").filter({ has: page.getByRole("heading", { name: "train/loss" }) });
  const [csv] = await Promise.all([page.waitForEvent("download"), panel.getByRole("button", { name: "CSV" }).click()]);
  assert.equal(readFileSync(await csv.path(), "utf8").trim(), house.hooke("series", "get", runs[0].runId, "train/loss", "--full", "-o", "csv"));
  const [svg] = await Promise.all([page.waitForEvent("download"), panel.getByRole("button", { name: "SVG" }).click()]);
  assert.match(readFileSync(await svg.path(), "utf8"), /^<svg[^]*<path/);
  const matrix = page.locator("section.panel").filter({ has: page.getByRole("heading", { name: "Which class influences which" }) });
  const [drawn] = await Promise.all([page.waitForEvent("download"), matrix.getByRole("button", { name: "SVG" }).click()]);
  assert.match(readFileSync(await drawn.path(), "utf8"), /^<svg[^]*<rect[^]* responds to /);
});

test("what the machine did while a run trained is on its page", async () => {
  page = await open(browser, house, `/runs/${runs[0].runId}`);
  const system = page.getByRole("group", { name: "System", exact: true });
  await system.getByRole("heading", { name: "System utilization, %" }).waitFor();
  await system.getByText("system/memory.rss").first().waitFor();
});

test("a report is one file with the server's figures", async () => {
  page = await open(browser, house, "/report/three");
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save as one HTML file" }).click()]);
  const html = readFileSync(await file.path(), "utf8");
  const { asymmetry } = await house.call("QueryService/GetInfluence", { parent: "experiments/three", measure: "kl" });
  assert.ok(html.includes(String(Number(asymmetry.value.toPrecision(3)))));
  for (const { runId } of runs) assert.ok(html.includes(runId));
  assert.doesNotMatch(html, /<script|https?:\/\/(?!www\.w3\.org)/);
});

test("the workers' page says who is there", async () => {
  page = await open(browser, house, "/workers");
  await page.getByRole("row", { name: /worker cpu idle/ }).waitFor();
});

test("what is not there is said, not left blank", async () => {
  page = await open(browser, house, "/runs/zzzzzzzz");
  await page.getByRole("alert").waitFor();
  await page.goto(`${house.url}#/nothing`);
  await page.getByText("There is no such page.").waitFor();
});
