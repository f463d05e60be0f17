// Pictures of every page, light and dark, on a phone and wide, to be looked at; with --readme the three that stand in
// the README instead. Usage: node screens.mjs FOLDER [--readme]
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { eventually, House, launch, open } from "./house.mjs";

const [folder, only] = process.argv.slice(2);
if (!folder) throw new Error("name a folder for the pictures");
mkdirSync(folder, { recursive: true });

const config = `name: fashion
data: {set: fashion_mnist, classes: [0, 1, 8, 9, 5], train_per_class: 1000, test_per_class: 200}
model: {type: mlp, hidden: [32]}
training: {lr: 1e-3, batch: 20, epochs: 3}
probes: {per_class: 8, every: 15, keep_pairs: true, updates: [{optimizer: adam, lr: 1e-3}]}
measures: [l2_logit, kl, loss, linearity_gap]
`;

async function shoot(browser, house, { name, path, full = true, height = 900, width = 1440, dark = false, scale = 1, prepare }) {
  const page = await open(browser, house, path, { viewport: { width, height }, colorScheme: dark ? "dark" : "light", deviceScaleFactor: scale });
  await page.locator("main h1").first().waitFor();
  await page.waitForLoadState("networkidle");
  await prepare?.(page);
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: full });
  if (page.broken.length > 0) throw new Error(`${name}: ${page.broken.join("; ")}`);
  await page.context().close();
}

const house = new House();
let browser;
try {
  [, browser] = await Promise.all([house.startServer(), launch()]);
  house.hooke("submit", house.file("fashion.yaml", config), "--seeds", "3", "--sweep", "training.lr=1e-3,4e-3", "--tag", "team=vision");
  house.hooke("submit", "--preset", "hesu2020-two-circles");
  house.startWorker("node1", "--data-root", "/usr/share/datasets");
  await eventually(async () => (await house.runsOf("fashion")).every(({ state }) => state === "RUN_STATE_SUCCEEDED"), "the training", 180_000);
  const runs = await house.runsOf("fashion");
  const pair = `${runs[0].runId}%0A${runs.find(({ sweep }) => sweep["training.lr"] !== runs[0].sweep["training.lr"]).runId}`;
  const pages = { list: "/experiments", experiment: "/experiments/fashion", run: `/runs/${runs[0].runId}`, compare: `/compare?runs=${pair}`, report: "/report/fashion", submit: "/submit", workers: "/workers" };
  if (only === "--readme") {
    const shot = (name, path, more) => shoot(browser, house, { name, path, full: false, width: 1200, height: 760, ...more });
    await shot("run", `${pages.run}?bands=off`);
    await shot("experiment", `${pages.experiment}?measure=l2_logit`, { dark: true, prepare: (page) => page.getByText("Phases over seeds").scrollIntoViewIfNeeded() });
    await shot("compare", pages.compare, { prepare: (page) => page.getByText(/^Minus /).scrollIntoViewIfNeeded() });
  } else {
    for (const [name, path] of Object.entries(pages)) for (const dark of [false, true]) for (const width of [400, 1440, 2560]) await shoot(browser, house, { name: `${name}-${dark ? "dark" : "light"}-${width}`, path, width, dark });
  }
  console.log(`pictures are in ${folder}`);
} finally {
  await browser?.close();
  await house.close();
}
