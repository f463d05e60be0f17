// The real programs in a folder of their own, and a browser that looks at them. HOOKE_BIN_DIR names the folder of
// hooked, hooke, hooke-worker and hooke-trainer (default: the checkout's release build); HOOKE_CHROMIUM the browser.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const bin = process.env.HOOKE_BIN_DIR ?? fileURLToPath(new URL("../../build/release/bin", import.meta.url));
if (!existsSync(join(bin, "hooked"))) throw new Error(`there is no hooked in ${bin}: build it, or name its folder in HOOKE_BIN_DIR`);

export const patienceMs = 30_000;
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Waits until `condition` gives something true, and returns that.
export async function eventually(condition, what, timeoutMs = patienceMs) {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${what} did not happen within ${timeoutMs / 1000} s`);
    await wait(50);
  }
}

export class House {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "hooke-web-"));
    for (const name of ["server", "state", "log", "spool"]) mkdirSync(join(this.folder, name));
    this.ports = [0, 0];
    this.children = [];
  }

  environment() {
    return { PATH: process.env.PATH, HOME: this.folder, XDG_STATE_HOME: join(this.folder, "state"), NO_COLOR: "1", HOOKE_SERVER: `127.0.0.1:${this.ports[0]}`, HOOKE_TOKEN_FILE: join(this.folder, "server/token") };
  }

  start(name, program, args) {
    const log = openSync(join(this.folder, "log", `${name}-${this.children.length}.log`), "w");
    const child = spawn(join(bin, program), args, { env: this.environment(), stdio: ["ignore", log, log] });
    child.ended = new Promise((resolve) => child.on("exit", resolve));
    this.children.push(child);
    return child;
  }

  // Again on the ports that it had.
  async startServer() {
    const file = join(this.folder, "ports");
    rmSync(file, { force: true });
    const [grpc, http] = this.ports;
    const data = join(this.folder, "server");
    this.server = this.start("hooked", "hooked", ["--listen", `127.0.0.1:${grpc}`, "--http", `127.0.0.1:${http}`, "--data", data, "--port-file", file]);
    await eventually(() => existsSync(file) || this.server.exitCode !== null, "the server's start");
    if (this.server.exitCode !== null) throw new Error(`hooked ended: ${this.logs()}`);
    this.ports = readFileSync(file, "utf8").trim().split("\n").map(Number);
    this.token = readFileSync(join(data, "token"), "utf8").trim();
    this.url = `http://127.0.0.1:${this.ports[1]}/`;
  }

  async stop(child, signal = "SIGTERM") {
    child.kill(signal);
    await child.ended;
  }

  startWorker(name, ...extra) {
    return this.start(name, "hooke-worker", ["--name", name, "--threads", "1", "--spool", join(this.folder, "spool", name), ...extra]);
  }

  // Runs `hooke ARGUMENTS…`, which must succeed; returns stdout.
  hooke(...args) {
    const done = spawnSync(join(bin, "hooke"), args, { env: this.environment(), encoding: "utf8", timeout: patienceMs * 2 });
    if (done.status !== 0) throw new Error(`hooke ${args.join(" ")}: ${done.stderr}`);
    return done.stdout.trim();
  }

  // Writes a file and returns its path.
  file(name, text) {
    const path = join(this.folder, name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  // A call of the gateway, in JSON.
  async call(method, body) {
    const answer = await fetch(`${this.url}hooke.v1.${method}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${this.token}` },
      body: JSON.stringify(body),
    });
    const json = await answer.json();
    if (!answer.ok) throw new Error(`${method}: ${JSON.stringify(json)}`);
    return json;
  }

  async runsOf(experiment) {
    return (await this.call("ExperimentService/ListRuns", { parent: `experiments/${experiment}`, pageSize: 1000 })).runs ?? [];
  }

  // Trains what is queued in the experiment to its end.
  async finish(experiment) {
    await eventually(
      async () => {
        const states = (await this.runsOf(experiment)).map(({ state }) => state);
        if (states.includes("RUN_STATE_FAILED")) throw new Error(`a run of ${experiment} failed: ${this.logs()}`);
        return states.every((state) => state === "RUN_STATE_SUCCEEDED");
      },
      `the end of ${experiment}`,
      patienceMs * 2,
    );
  }

  logs() {
    return spawnSync("tail", ["-n", "20", ...this.children.map((_, i) => i).flatMap((i) => ["hooked", "worker"].map((name) => join(this.folder, "log", `${name}-${i}.log`))).filter(existsSync)], { encoding: "utf8" }).stdout;
  }

  async close() {
    for (const child of this.children) if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await Promise.all(this.children.map(({ ended }) => ended));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

// Small Gaussian classes and a small net: hundreds of steps a second on any machine.
export function gaussians({ name, classes = 3, epochs = 1, every = 10, names = "", measures = "kl, loss" }) {
  const list = (value) => `[${Array.from({ length: classes }, (_, i) => value(i)).join(", ")}]`;
  return `name: ${name}
data: {set: gaussians, dimension: 10, points: 300, gaussian_means: ${list((i) => i * 3)}, gaussian_deviations: ${list(() => 1)}${names}}
model: {type: mlp, hidden: [8]}
training: {lr: 1e-2, batch: 10, epochs: ${epochs}}
probes: {per_class: 4, every: ${every}, keep_pairs: true}
measures: [${measures}]
`;
}

export function launch(options = {}) {
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: process.env.HOOKE_CHROMIUM ?? "/usr/bin/chromium", args, ...options });
}

// A page that fails its test when the app throws or breaks the Content-Security-Policy.
export async function open(browser, house, path = "/experiments", options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(patienceMs);
  page.broken = [];
  page.on("pageerror", (error) => page.broken.push(String(error)));
  page.on("console", (message) => /Content Security Policy/.test(message.text()) && page.broken.push(message.text()));
  page.on("dialog", (dialog) => (page.broken.push(`dialog: ${dialog.message()}`), dialog.dismiss()));
  page.calls = [];
  page.on("request", (request) => {
    const method = /hooke\.v1\.(\w+\/\w+)$/.exec(request.url())?.[1];
    if (method) page.calls.push({ method, body: request.headers()["content-type"] === "application/json" ? request.postDataJSON() : undefined });
  });
  await page.goto(`${house.url}#token=${house.token}&to=${encodeURIComponent(path)}`);
  return page;
}

export const address = (page) => new URLSearchParams(new URL(page.url()).hash.split("?")[1] ?? "");
