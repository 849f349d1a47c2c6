/**
 * Rows on models of real size, `npm run bench -- large`: memory and seconds against torch with peft, and against an
 * earlier checkout of this project that EARLIER names (its own packages installed). PEER_PYTHON is the peers' Python,
 * REPEATS how often a time is taken (3).
 */
import { totalmem } from "node:os";
import { join } from "node:path";
import { parseSettings } from "@papo/core";
import { examplePrompt } from "../core/pipeline/planned-run.ts";
import { planOf } from "../core/plan/advice.ts";
import { plannedFolder } from "../core/plan/folder.ts";
import { Side, type Answer, type MemoryPeaks } from "./side.ts";
import type { Paired } from "./statistics.ts";
import { visualTokens, workloads, type Workload } from "./workloads.ts";

/** What bench.ts has for all rows. */
export interface Tools {
  readonly ours: (workload: Workload, settings?: object) => Promise<Side>;
  readonly torch: (workload: Workload, options?: object) => Promise<Side>;
  readonly folderOf: (model: string) => Promise<string>;
  readonly between: <T>(sides: readonly Promise<Side>[], work: (...sides: Side[]) => Promise<T>) => Promise<T>;
  readonly compare: (
    a: Side,
    b: Side,
    tasks: readonly [string, string],
    options: object,
    of: (answer: Answer) => number,
    count: number,
  ) => Promise<Paired>;
  readonly row: (figure: string, our: string, peer: string, ratio: string, goal: string) => string;
  readonly times: (paired: Paired) => string;
  readonly inverse: (paired: Paired) => Paired;
}

const repeats = Number(process.env["REPEATS"] ?? 3);
const seconds = ({ seconds: value }: Answer): number => value!;
const s = (value: number): string => value.toFixed(1);

const lora = { lora: { rank: 16, alpha: 32 } };
/** Both sides compute layers again where memory is compared, as torch's users do. */
const thrifty = { ...lora, recompute: true };
const peer = { bf16: { rank: 16, dtype: "bfloat16", checkpointing: true }, float32: { rank: 16 } };

/** Eight long responses of the smallest model. */
const eightLong: Workload = { ...workloads.bench, name: "eightLong", prompts: 1, tokens: 2048 };

/** Rows by name, all of them "large". */
export function largeFigures(tools: Tools): Readonly<Record<string, () => Promise<string[]>>> {
  return {
    "large-lora-memory": () => loraMemory(tools),
    "large-full-memory": () => fullMemory(tools),
    "large-long-memory": () => longMemory(tools),
    "large-plan-m110": () => plannedRows(tools, workloads.m110),
    "large-plan-m530": () => plannedRows(tools, workloads.m530),
    "large-plan-b1": () => plannedRows(tools, workloads.b1),
    "large-lora-time": () => loraTime(tools),
    "large-lora-time-bf16": () => loraTimeBfloat16(tools),
    "large-start": () => start(tools),
    "large-long-spread": () => longTime(tools, workloads.spread, "≥ 1.8×"),
    "large-long-whole": () => longTime(tools, workloads.longest, "≥ 1.0×"),
  };
}

/** Peaks of a side that has learned twice: moments are there from the first update on. An adapter's are small: once. */
async function peaksOf({ between }: Tools, side: Promise<Side>, steps = 2): Promise<MemoryPeaks> {
  return between([side], async (one) => {
    for (let seed = 1; seed <= steps; seed++) await one.run("learner", { seed });
    return one.peaks;
  });
}

const memoryText = ({ resident, anonymous }: MemoryPeaks): string => `${resident.toFixed(0)} (${anonymous.toFixed(0)})`;

function memoryRow(
  { row }: Tools,
  figure: string,
  own: MemoryPeaks,
  name: string,
  theirs: MemoryPeaks,
  goal: string,
): string {
  const ratio = `${(own.resident / theirs.resident).toFixed(2)}× (${(own.anonymous / theirs.anonymous).toFixed(2)}×)`;
  return row(`${figure}, MiB (without file pages)`, memoryText(own), `${name}: ${memoryText(theirs)}`, ratio, goal);
}

async function loraMemory(tools: Tools): Promise<string[]> {
  const own = await peaksOf(tools, tools.ours(workloads.m530, thrifty), 1);
  const theirs = await peaksOf(tools, tools.torch(workloads.m530, peer.bf16), 1);
  return [
    memoryRow(tools, "peak, LoRA rank 16, m530", own, "torch + peft, bf16 base, checkpointing", theirs, "≤ 0.6×"),
  ];
}

async function fullMemory(tools: Tools): Promise<string[]> {
  const earlier = process.env["EARLIER"];
  if (earlier === undefined)
    throw new Error("the rows against an earlier build need one: EARLIER=<checkout of da06bea, packages installed>");
  const { m530 } = workloads;
  const folder = await tools.folderOf(m530.model);
  const theirs = await peaksOf(
    tools,
    Side.start("earlier", process.execPath, [
      "--import",
      "tsx",
      join(earlier, "bench", "ours.ts"),
      JSON.stringify(m530),
      folder,
    ]),
  );
  const lines = [];
  for (const [figure, settings, goal] of [
    ["peak, all weights, m530", {}, "≤ 0.72×"],
    ["the same, moments in 8 bits", { optimizer: { moments: "8bit" } }, "≤ 0.5×"],
  ] as const)
    lines.push(
      memoryRow(tools, figure, await peaksOf(tools, tools.ours(m530, settings)), "earlier build", theirs, goal),
    );
  return lines;
}

async function longMemory(tools: Tools): Promise<string[]> {
  const own = await peaksOf(tools, tools.ours(eightLong));
  const figure = "peak, 8 × 2,048 tokens, 6.2 million parameters, MiB (without file pages)";
  return [
    tools.row(figure, memoryText(own), "before blocks: 10,600", `${(own.resident / 10_600).toFixed(2)}×`, "< 1,000"),
  ];
}

/**
 * What the plan announces of two updates without sampling, and what they took: without pages of files, as the plan
 * counts, and with them.
 */
async function plannedRows(tools: Tools, workload: Workload): Promise<string[]> {
  const folder = await tools.folderOf(workload.model);
  const lines = [];
  for (const [name, settings] of [
    ["all weights", {}],
    ["LoRA of rank 16", lora],
  ] as const) {
    const announced = (await announcedBytes(workload, folder, settings)) / 2 ** 20;
    const { anonymous, resident } = await peaksOf(tools, tools.ours(workload, settings));
    const figure = `memory as planned, ${workload.model}, ${name}, MiB`;
    const measured = `measured: ${anonymous.toFixed(0)}, ${resident.toFixed(0)} with file pages`;
    const ratios = `${(announced / anonymous).toFixed(2)}×, ${(announced / resident).toFixed(2)}×`;
    lines.push(tools.row(figure, announced.toFixed(0), measured, ratios, "0.85× to 1.15×"));
  }
  return lines;
}

async function announcedBytes(
  { prompts, responses, text, tokens }: Workload,
  folder: string,
  settings: object,
): Promise<number> {
  const model = await plannedFolder(folder);
  const prompt = examplePrompt(model.config, { textTokens: text, visualTokens });
  const run = {
    prompt,
    prompts,
    responses,
    responseTokens: tokens,
    views: 1,
    outputs: ["logProbs"],
    sampled: 0,
    copies: 0,
    available: totalmem(),
  } as const;
  return (await planOf(model, parseSettings(settings), run)).host;
}

async function loraTime({ ours, torch, between, compare, row, times, inverse }: Tools): Promise<string[]> {
  const { m530 } = workloads;
  const found = await between([ours(m530, lora), torch(m530, peer.float32)], (a, b) =>
    compare(a, b, ["learner", "learner"], {}, seconds, repeats),
  );
  const full = await between([ours(m530, lora), ours(m530)], (a, b) =>
    compare(a, b, ["learner", "learner"], {}, seconds, repeats),
  );
  return [
    row("LoRA step, m530, s", s(found.a), `torch + peft, float32: ${s(found.b)}`, times(inverse(found)), "≥ 2×"),
    row("LoRA step / step of all weights, m530, s", s(full.a), `all weights: ${s(full.b)}`, times(full), "≤ 0.7×"),
  ];
}

/**
 * A row of its own: where a processor has no AVX-512, torch's products in bfloat16 take a quarter of an hour a step.
 */
async function loraTimeBfloat16({ ours, torch, between, row }: Tools): Promise<string[]> {
  const one = async (side: Promise<Side>): Promise<number> =>
    between([side], async (opened) => seconds(await opened.run("learner")));
  const [own, theirs] = [await one(ours(workloads.m530, lora)), await one(torch(workloads.m530, peer.bf16))];
  const figure = "LoRA step, m530, the first of a process, s";
  return [
    row(figure, s(own), `torch + peft, bf16 base, checkpointing: ${s(theirs)}`, `${(theirs / own).toFixed(1)}×`, ""),
  ];
}

/** From the start of the process to the end of its first step. */
async function start({ ours, torch, between, row }: Tools): Promise<string[]> {
  const cold = async (make: () => Promise<Side>): Promise<number> => {
    const begun = performance.now();
    await between([make()], (one) => one.run("learner"));
    return (performance.now() - begun) / 1000;
  };
  const [own, theirs] = [
    await cold(() => ours(workloads.m530, lora)),
    await cold(() => torch(workloads.m530, peer.float32)),
  ];
  return [
    row(
      "start to the end of the first step, LoRA, m530, s",
      s(own),
      `torch + peft, float32: ${s(theirs)}`,
      `${(own / theirs).toFixed(2)}×`,
      "≤ 0.4×",
    ),
  ];
}

async function longTime(tools: Tools, workload: Workload, goal: string): Promise<string[]> {
  const { ours, torch, between, compare, row, times, inverse } = tools;
  return between([ours(workload), torch(workload, { checkpointing: true })], async (a, b) => {
    const found = await compare(a, b, ["learner", "learner"], {}, seconds, repeats);
    const figure =
      workload.lengths === "spread"
        ? "learner, m110, 8 responses of 64 … 2,048"
        : "learner, m110, 8 responses of 2,048";
    const time = row(`${figure}, s`, s(found.a), `torch, checkpointing: ${s(found.b)}`, times(inverse(found)), goal);
    return [time, memoryRow(tools, "the same, peak", a.peaks, "torch", b.peaks, "≤ 0.5×")];
  });
}
