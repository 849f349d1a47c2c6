/**
 * Measures on a bare machine with a GPU, Python and a PJRT plugin: `sh run.sh <plugin.so> <python3> <output folder>
 * <run> <seconds>`. This file is bundled; it starts each side in a process of its own and writes a line of JSON for
 * whatever is done.
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

interface Side {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Of the time, beside the others': what earlier ones leave goes to those that are left. */
  readonly share: number;
}

/** Run sides one after the other, each killed when its share of what is left is over. */
async function inTurn(sides: readonly Side[]): Promise<void> {
  for (const [at, one] of sides.entries()) {
    const shares = sides.slice(at).reduce((sum, { share }) => sum + share, 0);
    await run(one, (secondsLeft() * one.share) / shares);
  }
}

/** Run a side; its lines of JSON are written with the side's name as they come. */
function run({ name, program, args }: Side, seconds: number): Promise<void> {
  if (secondsLeft() < 5) {
    write({ side: name, left: "no time" });
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    const began = Date.now();
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    const timer = setTimeout(() => child.kill("SIGKILL"), Math.max(1, seconds * 1000));
    let [pending, errors] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => {
      const lines = (pending + chunk.toString()).split("\n");
      pending = lines.pop()!;
      for (const line of lines)
        if (line.startsWith("{"))
          write({ side: name, at: (Date.now() - began) / 1000, ...(JSON.parse(line) as object) });
    });
    child.stderr.on("data", (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-3000)));
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const at = (Date.now() - began) / 1000;
      if (signal === "SIGKILL")
        write({ side: name, at, left: `its share of the time, ${Math.round(seconds)} s, was over` });
      else if (code !== 0) write({ side: name, at, code, signal, errors: errors.slice(-1500) });
      resolve();
    });
  });
}

const ours = (share: number, name: string, ...args: string[]): Side => {
  const kind = process.argv.filter((arg) => arg === "--cpu" || arg === "--small");
  return {
    name,
    share,
    program: process.execPath,
    args: [process.argv[1]!, ...args, "--plugin", option("plugin", ""), "--out", out, ...kind],
  };
};
const peer = (share: number, name: string, layers: number, more: Readonly<Record<string, unknown>>): Side => ({
  name,
  share,
  program: python,
  args: [join(here, "peer.py"), peerWork(workload(layers, small), { steps: 2, ...more })],
});

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
    console.log(
      JSON.stringify({ platform: pjrt.platform, api: pjrt.version, devices: pjrt.devices, memory: pjrt.memory() }),
    );
  },
  async goldens() {
    process.env["GOLDEN_DIR"] = join(here, "goldens");
    const { runTests } = await import("./goldens.ts");
    const report = await runTests(
      () => true,
      Date.now() + 1000 * Number(option("limit", "60")),
      (passed) => console.log(JSON.stringify({ passed })),
    );
    console.log(JSON.stringify(report));
  },
  learner: () => learner(workload(Number(option("layers", "6")), small), options()),
  decode: () => decode(workload(Number(option("layers", "6")), small), options()),
  papo: () => papo(workload(Number(option("layers", "6")), small), options()),
  /** Loads, goldens (parity), learner at some layers of the full width against torch. */
  first: () =>
    inTurn([
      ours(1, "smoke", "smoke"),
      ours(8, "goldens", "goldens", "--limit", "70"),
      ours(7, "ours learner", "learner", "--layers", String(layersHere)),
      peer(3, "torch padded", layersHere, { task: "learner", score: "padded" }),
      peer(3, "torch shared", layersHere, { task: "learner", score: "shared" }),
      ours(2, "ours learner, again", "learner", "--layers", String(layersHere)),
    ]),
  /** The rows of the table in its order, at full depth, ours on either side of the peer's. */
  second() {
    const layers = small ? 2 : 36;
    const depth = ["--layers", String(layers)];
    const lora = [...depth, "--rank", "64", "--steps", "2"];
    return inTurn([
      ours(11, "ours learner", "learner", ...depth, "--steps", "2"),
      peer(7, "torch padded, compiled", layers, { task: "learner", score: "padded", compile: true, steps: 1 }),
      peer(5, "torch padded, eager", layers, { task: "learner", score: "padded", steps: 1 }),
      peer(3, "torch shared", layers, { task: "learner", score: "shared" }),
      ours(3, "ours learner, again", "learner", ...depth, "--steps", "2"),
      ours(8, "ours decode", "decode", ...depth, "--steps", "1"),
      peer(5, "transformers generate, compiled", layers, { task: "decode", compile: true, steps: 1 }),
      ours(3, "ours decode, again", "decode", ...depth, "--steps", "1"),
      ours(7, "ours GRPO, PAPO official, PAPO paper", "papo", ...depth, "--steps", "1"),
      ours(4, "ours LoRA", "learner", ...lora),
      peer(3, "torch LoRA", layers, { task: "learner", score: "padded", rank: 64, steps: 1 }),
      ours(2, "ours LoRA, again", "learner", ...lora),
    ]);
  },
};

mkdirSync(out, { recursive: true });
const task = tasks[process.argv[2] ?? ""];
if (task === undefined) throw new Error(`name a task: ${Object.keys(tasks).join(", ")}`);
await task();
process.exit(0);
