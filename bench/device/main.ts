/**
 * Measures on a bare machine with a GPU, Python and a PJRT plugin: `sh run.sh <plugin.so> <python3> <output folder> <run> <seconds>`.
 * This file is bundled; it starts each side in a process of its own and writes a line of JSON for whatever is done.
 */
import { spawn } from "node:child_process";
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { openedPlugin } from "./plugin.ts";
import { decode, learner, type OursOptions, papo } from "./ours.ts";
import { peerWork, workload } from "./shapes.ts";

const option = (name: string, fallback: string): string => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1]!;
};
const here = import.meta.dirname;
const small = process.argv.includes("--small");
const out = option("out", ".");
const python = option("python", "python3");
const deadline = Date.now() + 1000 * Number(option("seconds", "1e6"));
const secondsLeft = (): number => (deadline - Date.now()) / 1000;

function write(row: Readonly<Record<string, unknown>>): void {
  const line = JSON.stringify(row);
  appendFileSync(join(out, "rows.jsonl"), `${line}\n`);
  console.log(line.slice(0, 500));
}

/** Run a side; its lines of JSON are written with the side's name. Killed when the time is over. */
function side(name: string, program: string, args: readonly string[]): Promise<void> {
  if (secondsLeft() < 5) {
    write({ side: name, left: "no time" });
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    const began = Date.now();
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    const timer = setTimeout(() => child.kill("SIGKILL"), Math.max(1, secondsLeft() * 1000));
    let [pending, errors] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => {
      const lines = (pending + chunk.toString()).split("\n");
      pending = lines.pop()!;
      for (const line of lines) if (line.startsWith("{")) write({ side: name, at: (Date.now() - began) / 1000, ...(JSON.parse(line) as object) });
    });
    child.stderr.on("data", (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-3000)));
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code !== 0) write({ side: name, at: (Date.now() - began) / 1000, code, signal, errors: errors.slice(-1500) });
      resolve();
    });
  });
}

const ours = (name: string, ...args: string[]): Promise<void> =>
  side(name, process.execPath, [process.argv[1]!, ...args, "--plugin", option("plugin", ""), "--out", out, ...process.argv.filter((arg) => arg === "--cpu" || arg === "--small")]);
const peer = (name: string, layers: number, more: Readonly<Record<string, unknown>>): Promise<void> =>
  side(name, python, [join(here, "peer.py"), peerWork(workload(layers, small), { steps: 3, seconds: secondsLeft(), ...more })]);

const options = (): OursOptions => ({
  steps: Number(option("steps", "3")),
  rank: Number(option("rank", "0")),
  cache: option("cache", join(here, "cache")),
  deadline: Date.now() + 1000 * Number(option("limit", "1e6")),
  say: (row) => console.log(JSON.stringify(row)),
});

const layersHere = small ? 2 : 6;

const tasks: Readonly<Record<string, () => Promise<void>>> = {
  async smoke() {
    const pjrt = openedPlugin();
    console.log(JSON.stringify({ platform: pjrt.platform, api: pjrt.version, devices: pjrt.devices, memory: pjrt.memory() }));
  },
  async goldens() {
    process.env["GOLDEN_DIR"] = join(here, "goldens");
    const { runTests } = await import("./goldens.ts");
    const report = await runTests(() => true, Date.now() + 1000 * Number(option("limit", "60")), (passed) => console.log(JSON.stringify({ passed })));
    console.log(JSON.stringify(report));
  },
  learner: () => learner(workload(Number(option("layers", "6")), small), options()),
  decode: () => decode(workload(Number(option("layers", "6")), small), options()),
  papo: () => papo(workload(Number(option("layers", "6")), small), options()),
  /** Loads, parity, goldens, learner at some layers of the full width against torch. */
  async first() {
    await ours("smoke", "smoke");
    await ours("ours learner", "learner", "--layers", String(layersHere), "--limit", "70");
    await peer("torch padded", layersHere, { task: "learner", score: "padded", seconds: 20 });
    await peer("torch shared", layersHere, { task: "learner", score: "shared", seconds: 20 });
    await ours("goldens", "goldens", "--limit", String(Math.max(10, secondsLeft() - 15)));
  },
  /** The rows of the table, at full depth, ours on either side of the peer's. */
  async second() {
    const layers = small ? 2 : 36;
    const depth = ["--layers", String(layers)];
    await ours("ours learner", "learner", ...depth, "--limit", "100");
    await peer("torch padded", layers, { task: "learner", score: "padded", steps: 1, seconds: 60 });
    await ours("ours PAPO", "papo", ...depth, "--steps", "2", "--limit", "120");
    await peer("torch shared", layers, { task: "learner", score: "shared", steps: 2, seconds: 30 });
    await peer("transformers generate", layers, { task: "decode", steps: 1, compile: true, seconds: 60 });
    await ours("ours learner, again", "learner", ...depth, "--limit", "20");
    await ours("ours LoRA", "learner", ...depth, "--rank", "64", "--limit", "30");
    await peer("torch LoRA", layers, { task: "learner", score: "padded", rank: 64, steps: 1, seconds: 40 });
  },
};

mkdirSync(out, { recursive: true });
const task = tasks[process.argv[2] ?? ""];
if (task === undefined) throw new Error(`name a task: ${Object.keys(tasks).join(", ")}`);
await task();
process.exit(0);
