// Names that would be code, and sizes that nobody tried: nothing breaks out, everything stays usable. Every page
// is looked over by axe, in light and dark, and fits a phone.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, afterEach, before, test } from "node:test";
import { eventually, gaussians, House, launch, open } from "./house.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const evil = "<img src=x onerror=alert(1)>";
const names = [evil, "Größe λ → 猫", "\"';--&amp;"];

let house, browser, page, run;

before(async () => {
  house = new House();
  [, browser] = await Promise.all([house.startServer(), launch()]);
  const quoted = names.map((name) => JSON.stringify(name)).join(", ");
  const file = house.file("hostile.yaml", gaussians({ name: "hostile", names: `, class_names: [${quoted}]` }));
  house.hooke("submit", file, "--seeds", "2", "--tag", `team=${evil}`);
  house.hooke("submit", house.file("hundred.yaml", gaussians({ name: "hundred", classes: 100, every: 2000 }).replace("points: 300", "points: 30").replace("per_class: 4", "per_class: 1").replace("keep_pairs: true", "keep_pairs: false")));
  house.startWorker("worker");
  for (let i = 0; i < 200; ++i) house.file(`many/s${String(i).padStart(3, "0")}${i === 7 ? evil.replaceAll("/", "") : ""}.csv`, `step,value\n0,${i}\n1,nan\n2,inf\n3,${-i}\n`);
  house.hooke("import", "csv", `${house.folder}/many`, "--as", "many");
  await house.finish("hostile");
  await house.finish("hundred");
  [run] = await house.runsOf("hostile");
  await house.call("ExperimentService/UpdateNote", { name: run.name, note: evil });
  await house.call("ExperimentService/UpdateNote", { name: "experiments/hostile", note: evil });
  // Nobody trains these: they ask for a worker that is not there.
  house.hooke("submit", file, "--name", "thousand", "--seeds", "1000", "--require", "gpu=none");
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

test("names that are markup are shown as text everywhere", async () => {
  page = await open(browser, house, "/experiments");
  await page.getByText(`team=${evil}`).first().waitFor();
  for (const path of ["/experiments/hostile", `/runs/${run.runId}`, "/report/hostile"]) {
    await page.goto(`${house.url}#${path}`);
    await page.getByText(evil).first().waitFor();
  }
  await page.goto(`${house.url}#/runs/${run.runId}`);
  await page.getByRole("heading", { name: `update on ${evil}` }).waitFor();
  await page.getByRole("heading", { name: `update on ${names[1]}` }).waitFor();
  assert.equal(await page.locator("img[src='x']").count(), 0);
  const [csv] = await Promise.all([page.waitForEvent("download"), page.locator(".matrix-panel").getByRole("button", { name: "CSV" }).click()]);
  assert.equal(readFileSync(await csv.path(), "utf8").trim(), house.hooke("influence", run.runId, "--step", csv.suggestedFilename().match(/(\d+)\.csv$/)[1], "-o", "csv"));
});

test("a thousand runs are listed, and found by a filter", async () => {
  page = await open(browser, house, "/experiments/thousand");
  await page.getByRole("heading", { name: "Runs (1 000)" }).waitFor();
  await page.getByLabel("Filter").fill("seed = 777");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Runs (1)" }).waitFor();
});

test("two hundred series are found by name and drawn; what is not finite is marked", async () => {
  const [{ runId }] = await house.runsOf("many");
  page = await open(browser, house, `/runs/${runId}`);
  await page.getByRole("heading", { name: "All series (200)" }).waitFor();
  await page.getByPlaceholder("find a series").fill("s007");
  await page.getByRole("checkbox", { name: /^s007/ }).check();
  await page.getByRole("group", { name: /^s007/ }).getByText("NaN or infinite at 2 steps").waitFor();
});

test("a matrix of a hundred classes is drawn and every cell can be read", async () => {
  const [hundred] = await house.runsOf("hundred");
  page = await open(browser, house, `/runs/${hundred.runId}`);
  const map = page.getByRole("img", { name: /^Influence between 100 classes/ });
  const box = await map.boundingBox();
  await page.mouse.move(box.x + box.width - 4, box.y + box.height - 6);
  const line = page.locator(".cell-line");
  await eventually(async () => /^99 responds to an update on 99/.test(await line.innerText()), "the last cell under the mouse");
  const { cells } = await house.call("QueryService/GetInfluence", { parent: hundred.name });
  const shown = parseFloat((await line.locator(".strong").innerText()).replace("−", "-"));
  assert.equal(shown, Number(Number(cells[9999].mean ?? 0).toPrecision(4)));
});

const pages = () => ["/experiments", "/experiments/hostile", `/runs/${run.runId}`, `/compare?runs=${run.runId}%0A${other()}`, "/report/hostile", "/submit", "/workers"];
let runs;
const other = () => runs.find(({ runId }) => runId !== run.runId).runId;

for (const colorScheme of ["light", "dark"])
  test(`no page has a serious finding of axe, ${colorScheme}`, async () => {
    runs = await house.runsOf("hostile");
    page = await open(browser, house, "/experiments", { colorScheme });
    for (const path of pages()) {
      await page.goto(`${house.url}#${path}`);
      await page.waitForLoadState("networkidle");
      await page.locator("main h1").first().waitFor();
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
      assert.deepEqual(serious.map(({ id, nodes }) => `${path}: ${id}: ${nodes[0].html}`), []);
    }
  });

for (const width of [400, 2560])
  test(`every page fits ${width} pixels`, async () => {
    runs = await house.runsOf("hostile");
    page = await open(browser, house, "/experiments", { viewport: { width, height: 900 } });
    for (const path of pages()) {
      await page.goto(`${house.url}#${path}`);
      await page.locator("main h1").first().waitFor();
      await page.waitForLoadState("networkidle");
      const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(beyond <= 0, `${path} is ${beyond} pixels too wide`);
    }
  });

test("the way from the list to a run and its matrix is walked by keyboard alone", async () => {
  page = await open(browser, house, "/experiments");
  await page.getByRole("link", { name: "hostile", exact: true }).waitFor();
  const until = async (condition, what) => {
    for (let i = 0; i < 60; ++i) {
      await page.keyboard.press("Tab");
      if (await page.evaluate(condition, what)) return;
    }
    throw new Error(`the Tab key does not reach ${what}`);
  };
  const text = (wanted) => document.activeElement?.textContent === wanted;
  await until(text, "hostile");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: run.runId }).first().waitFor();
  await until(text, run.runId);
  await page.keyboard.press("Enter");
  await page.getByRole("img", { name: /^Influence between/ }).waitFor();
  await until((wanted) => document.activeElement?.getAttribute("aria-label")?.startsWith(wanted), "Influence between");
  await page.keyboard.press("ArrowDown");
  await page.getByText(/responds to an update on/).waitFor();
});
