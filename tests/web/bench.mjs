// How fast the page is, measured in the browser and printed: the first view of a run with a million points, and
// scrubbing a 10 x 10 matrix over 1,000 steps. Usage: node bench.mjs
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { eventually, gaussians, House, launch } from "./house.mjs";

const points = 1_000_000;
const measured = 1000;
const views = 7;

// Runs in the page before anything else: notes when the first chart has been painted.
function noteFirstChart() {
  const look = () => {
    const canvas = document.querySelector(".uplot canvas");
    const painted = canvas && canvas.width > 0 && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((part) => part !== 0);
    // One more frame, so that it has been shown.
    if (painted) requestAnimationFrame(() => (globalThis.firstChartMs = performance.now()));
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

// Runs in the page: a step for each frame, through the slider, as a hand would drag it.
function scrub() {
  const slider = document.querySelector(".scrubber input");
  const map = document.querySelector(".heat canvas");
  const last = Number(slider.max);
  return new Promise((resolve) => {
    let at = 0;
    let shown = 0;
    let longestMs = 0;
    let before = performance.now();
    const began = before;
    const wanted = () => `step ${slider.getAttribute("aria-valuetext").slice(5)}.`;
    const frame = (now) => {
      longestMs = Math.max(longestMs, now - before);
      before = now;
      if (at > 0 && map.getAttribute("aria-label").includes(wanted())) ++shown;
      if (at > last) return resolve({ frames: at, shown, seconds: (now - began) / 1000, longestMs });
      slider.value = String(at++);
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function firstView(browser, house, runId) {
  const times = [];
  for (let i = 0; i < views; ++i) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    await context.addInitScript(noteFirstChart);
    const page = await context.newPage();
    await page.goto(`${house.url}#token=${house.token}&to=${encodeURIComponent(`/runs/${runId}`)}`);
    await page.waitForFunction(() => globalThis.firstChartMs !== undefined);
    times.push(await page.evaluate(() => globalThis.firstChartMs));
    await context.close();
  }
  console.log(`first view of a run with ${points.toLocaleString("en")} points, empty cache: ${Math.round(median(times))} ms (${views} views, ${Math.round(Math.min(...times))} to ${Math.round(Math.max(...times))})`);
}

async function scrubbing(browser, house, runId) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(`${house.url}#token=${house.token}&to=${encodeURIComponent(`/runs/${runId}`)}`);
  await page.locator(".heat canvas").waitFor();
  await page.waitForLoadState("networkidle");
  const { frames, shown, seconds, longestMs } = await page.evaluate(scrub);
  console.log(`scrubbing a 10 x 10 matrix over ${frames.toLocaleString("en")} steps: ${(frames / seconds).toFixed(1)} frames/s, ${shown} of ${frames} with the matrix of their step, longest frame ${Math.round(longestMs)} ms`);
}

const house = new House();
let browser;
try {
  [, browser] = await Promise.all([house.startServer(), launch()]);
  const file = openSync(join(house.folder, "million.csv"), "w");
  writeSync(file, "step,value\n");
  for (let at = 0; at < points; at += 10_000) writeSync(file, Array.from({ length: 10_000 }, (_, i) => `${at + i},${Math.exp(-(at + i) / 2e5) + 0.05 * Math.sin((at + i) * 12.9898)}\n`).join(""));
  closeSync(file);
  house.hooke("import", "csv", join(house.folder, "million.csv"), "--as", "million");
  const text = gaussians({ name: "scrub", classes: 10, every: 1 }).replace("per_class: 4", "per_class: 1").replace("keep_pairs: true", "keep_pairs: false").replace("points: 300", `points: ${measured}`);
  house.hooke("submit", house.file("scrub.yaml", text));
  house.startWorker("worker");
  await eventually(async () => (await house.runsOf("scrub"))[0].state === "RUN_STATE_SUCCEEDED", "the training", 300_000);
  await firstView(browser, house, (await house.runsOf("million"))[0].runId);
  await scrubbing(browser, house, (await house.runsOf("scrub"))[0].runId);
} finally {
  await browser?.close();
  await house.close();
}
