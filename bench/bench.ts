/**
 * The benchmark: `npm run bench [-- rows …]`. Both sides of a row run in turn in one session; medians of at least 7,
 * ratios with their spread. Writes bench/results.md from bench/rows.json, which keeps the rows that are not asked for.
 * Rows against torch and TRL need their environment once: `npm run bench:peers`.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeRows } from "./data.ts";
import { modelFolder, modelSizes } from "./models.ts";
import { allPasses } from "../core/graph/passes.ts";
import { pageRows } from "./page.ts";
import { largeFigures } from "./large-rows.ts";
import { Side, type Answer } from "./side.ts";
import { fiveCommandRows, planRows } from "./using.ts";
import { median, paired, slope, type Paired } from "./statistics.ts";
import { workloads, type Workload } from "./workloads.ts";
import { xlaFigures } from "./xla-rows.ts";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "runs", "bench");
const python = process.env["PEER_PYTHON"] ?? join(here, "peer", ".venv", "bin", "python");
const repeats = 7;

const ours = async (workload: Workload, settings: object = {}, passes: object = {}): Promise<Side> =>
  Side.start("ours", process.execPath, [
    "--import",
    "tsx",
    join(here, "ours.ts"),
    JSON.stringify(workload),
    await modelFolder(join(root, "models"), workload.model),
    JSON.stringify(settings),
    JSON.stringify(passes),
  ]);

const folderOf = (model: string): Promise<string> => modelFolder(join(root, "models"), model);

const torch = async (workload: Workload, options: object = {}): Promise<Side> =>
  Side.start("torch", needPeers(), [
    join(here, "peer", "torch_side.py"),
    JSON.stringify(workload),
    await folderOf(workload.model),
    JSON.stringify(options),
  ]);

type RunRecipe = "grpo" | "papo" | "papo-drop" | "papo-half" | "papo-all";

let runs = 0;
const loop = async (
  workload: Workload,
  recipe: RunRecipe,
  {
    empty = 0,
    settings = {},
    rewardSeconds = 0,
  }: { readonly empty?: number; readonly settings?: object; readonly rewardSeconds?: number } = {},
): Promise<Side> => {
  const output = join(root, "runs", String(++runs));
  rmSync(output, { recursive: true, force: true });
  return Side.start(`${recipe}, ${empty} empty plugins`, process.execPath, [
    "--import",
    "tsx",
    join(here, "run-side.ts"),
    JSON.stringify(workload),
    await modelFolder(join(root, "models"), workload.model),
    await rows(workload),
    recipe,
    output,
    String(empty),
    JSON.stringify(settings),
    String(rewardSeconds),
  ]);
};

const trl = async (workload: Workload): Promise<Side> =>
  Side.start("TRL", needPeers(), [
    join(here, "peer", "trl_side.py"),
    JSON.stringify(workload),
    await modelFolder(join(root, "models"), workload.model),
    await rows(workload),
    join(root, "trl"),
  ]);

const written = new Map<number, Promise<string>>();
/** Rows of a text length, written once. */
const rows = ({ text }: Workload): Promise<string> => {
  const file = written.get(text) ?? writeRows(join(root, `data-${text}`), 64, text);
  written.set(text, file);
  return file;
};

function needPeers(): string {
  if (!existsSync(python))
    throw new Error("rows against torch and TRL need their environment: npm run bench:peers makes it (about 7 GB)");
  return python;
}

/** Two sides in turn, after one round of each that is not counted; what `of` reads off an answer. */
async function compare(
  a: Side,
  b: Side,
  tasks: readonly [string, string],
  options: object,
  of: (answer: Answer) => number,
  count = repeats,
): Promise<Paired> {
  const [left, right]: [number[], number[]] = [[], []];
  for (let round = 0; round <= count; round++) {
    const seed = { seed: round + 1, ...options };
    const first = of(await a.run(tasks[0], seed));
    const second = of(await b.run(tasks[1], seed));
    if (round > 0) {
      left.push(first);
      right.push(second);
    }
  }
  return paired(left, right);
}

async function between<T>(sides: readonly Promise<Side>[], work: (...sides: Side[]) => Promise<T>): Promise<T> {
  const started = await Promise.all(sides);
  try {
    return await work(...started);
  } finally {
    for (const side of started) await side.close();
  }
}

const seconds = ({ seconds: value }: Answer): number => value!;
const speed = ({ seconds: time, tokens }: Answer): number => tokens! / time!;
const s = (value: number): string => (value >= 10 ? value.toFixed(1) : value.toFixed(3));
const times = ({ ratio, low, high }: Paired): string => `${ratio.toFixed(2)}× [${low.toFixed(2)}, ${high.toFixed(2)}]`;
const inverse = ({ a, b, ratio, low, high }: Paired): Paired => ({
  a,
  b,
  ratio: 1 / ratio,
  low: 1 / high,
  high: 1 / low,
});

const row = (figure: string, our: string, peer: string, ratio: string, goal: string): string =>
  `| ${figure} | ${our} | ${peer} | ${ratio} | ${goal} |`;

async function rollout(workload: Workload, goal: string): Promise<string[]> {
  const result = await between([ours(workload), torch(workload)], (a, b) =>
    compare(a, b, ["rollout", "rollout"], {}, speed),
  );
  return [
    row(
      `rollout, \`${workload.name}\`, tokens/s`,
      result.a.toFixed(0),
      `transformers \`generate\`: ${result.b.toFixed(0)}`,
      times(result),
      goal,
    ),
  ];
}

async function learner(workload: Workload, goal: string): Promise<string[]> {
  const result = await between([ours(workload), torch(workload)], (a, b) =>
    compare(a, b, ["learner", "learner"], {}, seconds),
  );
  return [
    row(
      `learner, GRPO, ${workload.lengths === "ragged" ? "responses of unequal lengths (`ragged`)" : `\`${workload.name}\``}, s`,
      s(result.a),
      `torch, padded: ${s(result.b)}`,
      times(inverse(result)),
      goal,
    ),
  ];
}

async function learnerShared(workload: Workload, goal: string): Promise<string[]> {
  const result = await between([ours(workload), torch(workload)], (a, b) =>
    compare(a, b, ["learner", "learner_shared"], {}, seconds),
  );
  return [
    row(
      `learner, \`${workload.name}\`, against torch with each prompt computed once, s`,
      s(result.a),
      `torch: ${s(result.b)}`,
      times(inverse(result)),
      goal,
    ),
  ];
}

async function minibatches(goal: string): Promise<string[]> {
  const result = await between([ours(workloads.bench), torch(workloads.bench)], (a, b) =>
    compare(a, b, ["learner", "learner"], { minibatches: 3 }, seconds),
  );
  return [
    row("learner, three minibatches, s", s(result.a), `torch, padded: ${s(result.b)}`, times(inverse(result)), goal),
  ];
}

async function papoStep(): Promise<string[]> {
  const int8 = { settings: { viewPrecision: "int8" } };
  const variants: readonly (readonly [string, RunRecipe, object, string])[] = [
    ["PAPO step / GRPO step, whole loop, s", "papo", {}, "≤ 1.15"],
    ["the same, masked visual tokens left out, s", "papo-drop", {}, "≤ 1.08"],
    ["the same, masked pass in int8, s", "papo", int8, "≤ 1.08"],
    ["the same, masked pass for half of the responses, s", "papo-half", {}, "≤ 1.08"],
    ["the same, all three, s", "papo-all", int8, "≤ 1.08"],
  ];
  return inTurn(variants, async ([figure, recipe, options, goal]) => {
    const result = await between([loop(workloads.bench, recipe, options), loop(workloads.bench, "grpo")], (a, b) =>
      compare(a, b, ["step", "step"], {}, seconds, 11),
    );
    return row(figure, s(result.a), `GRPO: ${s(result.b)}`, times(result), goal);
  });
}

async function wholeStep(): Promise<string[]> {
  const result = await between([loop(workloads.bench, "grpo"), trl(workloads.bench)], (a, b) =>
    compare(a, b, ["step", "step"], {}, seconds),
  );
  return [row("whole GRPO step, s", s(result.a), `TRL: ${s(result.b)}`, times(inverse(result)), "≥ 5×")];
}

async function start(): Promise<string[]> {
  const measured: [number[], number[]] = [[], []];
  for (let round = 0; round < repeats; round++) {
    for (const [index, side] of [loop, trl].entries()) {
      const before = performance.now();
      await between([side(workloads.bench, "grpo")], (one) => one.run("step"));
      measured[index]!.push((performance.now() - before) / 1000);
    }
  }
  const result = paired(...measured);
  return [row("start to the end of the first step, s", s(result.a), `TRL: ${s(result.b)}`, times(result), "≤ 0.3×")];
}

async function memory(): Promise<string[]> {
  const peak = async (side: Promise<Side>): Promise<number> =>
    between([side], async (one) =>
      Math.max(...[(await one.run("learner")).peak!, (await one.run("learner", { seed: 2 })).peak!]),
    );
  const theirs = await peak(torch(workloads.bench));
  const small = { microbatchTokens: 1300 };
  const lines = [];
  for (const [name, settings] of [
    ["peak memory of the learner step, MiB", {}],
    ["the same, two microbatches", small],
    ["the same, recomputing layers", { recompute: true }],
  ] as const) {
    const own = await peak(ours(workloads.bench, settings));
    lines.push(
      row(name, own.toFixed(0), `torch, padded: ${theirs.toFixed(0)}`, `${(own / theirs).toFixed(2)}×`, "≤ 0.3×"),
    );
  }
  return lines;
}

/** Eight steps from one checkpoint to the next, so that nothing is sampled while the other side runs. */
async function pipelining(): Promise<string[]> {
  const lines: string[] = [];
  for (const [pipelined, rewardSeconds] of [
    ["rewards", 0],
    ["rewards", 0.4],
    ["rollouts", 0],
    ["rollouts", 0.4],
  ] as const) {
    const side = (pipelined: "off" | "rewards" | "rollouts"): Promise<Side> =>
      loop(workloads.bench, "grpo", { rewardSeconds, settings: { pipelined, checkpointEvery: 8 } });
    const result = await between([side(pipelined), side("off")], (a, b) =>
      compare(a, b, ["step", "step"], { count: 8 }, seconds),
    );
    lines.push(
      row(
        `8 steps, pipelined: "${pipelined}", a reward takes ${rewardSeconds} s, s`,
        s(result.a),
        `one after the other: ${s(result.b)}`,
        times(result),
        "",
      ),
    );
  }
  return lines;
}

/** Each pass over the graph left out alone. */
async function passes(): Promise<string[]> {
  return inTurn(Object.keys(allPasses), async (pass) => {
    const peaks: number[] = [];
    // Where lengths are equal and all tokens differ, rows share nothing.
    const workload = pass === "sharedRows" ? workloads.ragged : workloads.bench;
    const result = await between([ours(workload, {}, { [pass]: false }), ours(workload)], async (without, all) => {
      const compared = await compare(without, all, ["learner", "learner"], {}, seconds);
      for (const side of [without, all]) peaks.push((await side.run("learner")).peak!);
      return compared;
    });
    return row(
      `learner${workload === workloads.bench ? "" : `, \`${workload.name}\`,`} without the pass ${pass}, s (peak, MiB)`,
      `${s(result.a)} (${peaks[0]!.toFixed(0)})`,
      `with all: ${s(result.b)} (${peaks[1]!.toFixed(0)})`,
      times(result),
      "",
    );
  });
}

async function empty(): Promise<string[]> {
  const result = await between([loop(workloads.bench, "grpo", { empty: 100 }), loop(workloads.bench, "grpo")], (a, b) =>
    compare(a, b, ["step", "step"], {}, seconds, 15),
  );
  return [row("100 empty plugins, step, s", s(result.a), `none: ${s(result.b)}`, times(result), "≤ 1.01×")];
}

/** Resident memory after 50 and after 300 steps. */
async function leaks(executor: "onnxruntime" | "tensorflow"): Promise<string[]> {
  const small = { ...workloads.bench, tokens: 16 };
  return between([loop(small, "papo", { settings: { executor } })], async (side) => {
    const resident: number[] = [];
    for (let step = 1; step <= 300; step++) resident.push((await side.run("step")).resident!);
    const [early, late] = [median(resident.slice(45, 55)), median(resident.slice(-10))];
    return [
      row(
        `resident memory after 300 steps, ${executor}, MiB`,
        late.toFixed(0),
        `after 50: ${early.toFixed(0)}`,
        `${(late / early).toFixed(3)}×`,
        "≤ 1.05×",
      ),
    ];
  });
}

async function scaling(): Promise<string[]> {
  const measure = async (workload: Workload, task: string): Promise<number> =>
    between([ours(workload)], async (side) => {
      await side.run(task);
      const found = [];
      for (let round = 0; round < repeats; round++) found.push(seconds(await side.run(task, { seed: round + 2 })));
      return median(found);
    });
  const lines: string[] = [];
  for (const task of ["rollout", "learner"]) {
    const groups = [2, 4, 8, 16, 32];
    const byGroup = slope(
      groups,
      await inTurn(groups, (responses) => measure({ ...workloads.bench, responses }, task)),
    );
    lines.push(
      row(
        `${task} against responses per prompt, 2 … 32`,
        `${(1000 * byGroup.slope).toFixed(1)} ms each, ${(1000 * byGroup.intercept).toFixed(0)} ms for the prompts`,
        "",
        `R² ${byGroup.r2.toFixed(3)}`,
        "linear",
      ),
    );
    const texts = [32, 128, 256, 448];
    const byPrefix = slope(texts, await inTurn(texts, (text) => measure({ ...workloads.bench, text }, task)));
    lines.push(
      row(
        `${task} against text tokens of the prompt, 32 … 448`,
        `${(1000 * byPrefix.slope).toFixed(2)} ms a token of the 4 prompts`,
        "",
        `R² ${byPrefix.r2.toFixed(3)}`,
        "paid once",
      ),
    );
  }
  return lines;
}

async function inTurn<T, R>(values: readonly T[], work: (value: T) => Promise<R>): Promise<R[]> {
  const found: R[] = [];
  for (const value of values) found.push(await work(value));
  return found;
}

/**
 * Matrix products of a pass over the decoder's rows, GFLOP: two for each weight and row, attention, and the head where
 * tokens are predicted.
 */
function work({ model, prompts, responses, text, tokens }: Workload): number {
  const { width: hidden, layers, heads, keyValueHeads, intermediate } = modelSizes(model).text;
  const prefix = prompts * (text + 64);
  const own = prompts * responses * tokens;
  const perRow = layers * (hidden * 64 * (2 * heads + 2 * keyValueHeads) + 3 * hidden * intermediate);
  const attention = layers * heads * 64 * 2 * (prefix * (text + 64) + own * (text + 64 + tokens));
  return (2 * ((prefix + own) * perRow + own * hidden * 2048) + 2 * attention) / 1e9;
}

async function roofline(): Promise<string[]> {
  return between([ours(workloads.bench)], async (side) => {
    const best: number[] = [];
    const found: Record<string, number[]> = { rollout: [], scoring: [], learner: [] };
    for (let round = 0; round <= repeats; round++) {
      const gflops = (await side.run("matmul", { size: 1024 })).gflops!;
      const timed = {
        rollout: seconds(await side.run("rollout", { seed: round + 1 })),
        scoring: seconds(await side.run("score", { seed: round + 1 })),
        learner: seconds(await side.run("learner", { seed: round + 1 })),
      };
      if (round === 0) continue;
      best.push(gflops);
      for (const [name, time] of Object.entries(timed)) found[name]!.push(time);
    }
    const gflop = work(workloads.bench);
    const peak = median(best);
    return Object.entries(found).map(([name, values]) => {
      const rate = ((name === "learner" ? 3 : 1) * gflop) / median(values);
      return row(
        `${name}: GFLOP/s of the decoder's products over the whole task's time`,
        rate.toFixed(0),
        `best product here: ${peak.toFixed(0)}`,
        `${((100 * rate) / peak).toFixed(0)} %`,
        name === "learner" ? "≥ 65 %" : "",
      );
    });
  });
}

const figures: Readonly<Record<string, () => Promise<string[]>>> = {
  rollout: () => rollout(workloads.bench, "≥ 5×"),
  "rollout-long": () => rollout(workloads.long, "≥ 8×"),
  learner: () => learner(workloads.bench, "≥ 3×"),
  "learner-ragged": () => learner(workloads.ragged, ""),
  "learner-shared": () => learnerShared(workloads.bench, "≥ 1.2×"),
  minibatches: () => minibatches("≥ 2.5×"),
  papo: papoStep,
  step: wholeStep,
  pipelining,
  passes,
  memory,
  start,
  empty,
  scaling,
  roofline,
  leaks: () => leaks("onnxruntime"),
  "leaks-tensorflow": () => leaks("tensorflow"),
  "learner-m44": () => learner(workloads.m44, ""),
  "learner-wide": () => learner(workloads.wide, ""),
  "rollout-wide": () => rollout(workloads.wide, ""),
  page: () => pageRows(root, repeats, (figure, here, goal) => row(figure, here, "", "", goal)),
  plan: () => planRows(repeats, { row, times }),
  "five-commands": () => fiveCommandRows({ row, times }),
  "learner-m300": () => learner(workloads.m300, ""),
  ...largeFigures({ ours, torch, folderOf, between, compare, row, times, inverse }),
  ...xlaFigures(root, { row }),
};

/** Rows by their names; "large" is all that begin so, which no other name asks for. */
function figuresAsked(asked: readonly string[]): string[] {
  const isLarge = (name: string): boolean => name.startsWith("large");
  if (asked.length === 0) return Object.keys(figures).filter((name) => !isLarge(name));
  return asked.flatMap((name) => (name === "large" ? Object.keys(figures).filter(isLarge) : [name]));
}

/** Lines of the table, and what they were measured on. */
interface Measured {
  readonly machine: string;
  readonly lines: readonly string[];
}

const machine = (): string =>
  `${cpus().length} cores (${cpus()[0]?.model ?? "unknown"}), ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.versions.node}`;

/**
 * Rows measured before stay in the file until they are measured again. "tables": measure none, and write what is known.
 */
async function main(asked: readonly string[]): Promise<void> {
  const names = asked[0] === "tables" ? [] : figuresAsked(asked);
  for (const name of names)
    if (!(name in figures)) throw new Error(`no row "${name}"; there are large, ${Object.keys(figures).join(", ")}`);
  mkdirSync(root, { recursive: true });
  const file = join(here, "rows.json");
  const known = JSON.parse(readFileSync(file, "utf8")) as Record<string, Measured>;
  for (const name of names) {
    known[name] = { machine: machine(), lines: await figures[name]!() };
    console.log(known[name].lines.join("\n"));
    writeFileSync(file, `${JSON.stringify(known, null, 2)}\n`);
  }
  writeResults(known);
}

/** A table for each machine, the one with most rows first. */
function writeResults(known: Readonly<Record<string, Measured>>): void {
  const measured = Object.keys(figures).flatMap((name) => known[name] ?? []);
  const linesOf = new Map<string, string[]>();
  for (const { machine: on, lines } of measured) linesOf.set(on, [...(linesOf.get(on) ?? []), ...lines]);
  const tables = [...linesOf].sort(([, a], [, b]) => b.length - a.length);
  writeFileSync(
    join(here, "results.md"),
    [
      "# Measured against torch, transformers and TRL",
      "",
      `Both sides in turn in one session, fp32, all cores; medians of ${repeats} or more, ratios of medians with the lowest and`,
      "highest of the pairs. Rows of m530 and m110 are of fewer: a ratio without a range is of one pair.",
      "",
      "```",
      "npm run bench:peers     # once: the peers' environment",
      "npm run bench           # all rows but the large; or: npm run bench -- learner step",
      "EARLIER=<checkout of da06bea> npm run bench -- large     # models of real size",
      "```",
      "",
      ...tables.flatMap(([on, lines]) => [
        `On ${on}:`,
        "",
        "| figure | here | peer | ratio | goal |",
        "|---|---|---|---|---|",
        ...lines,
        "",
      ]),
      readFileSync(join(here, "device", "results.md"), "utf8"),
    ].join("\n"),
  );
}

await main(process.argv.slice(2));
