/** A made-up run that is as large as a long one: what a page has to show. The same numbers every time. */
import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";

export interface LargeRun {
  readonly steps: number;
  readonly rollouts: number;
  /** Of each response. */
  readonly tokens: number;
}

/** A small generator with a seed (mulberry32). */
const randomOf = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
};

const short = (value: number): number => Number(value.toPrecision(5));

/** The names that a run of PAPO writes, and enough of others to come to 80. */
const names = [
  "reward/mean",
  "reward/std",
  "reward/part/accuracy",
  "rollout/length",
  "rollout/entropy",
  "observe/perception_kl",
  "observe/masked_entropy",
  "policy/clip_high",
  "policy/clip_low",
  "learner/gradient_norm",
  "learner/learning_rate",
  "loss/total",
  "loss/policy",
  ...Array.from({ length: 67 }, (_, at) => `made_up/metric_${at}`),
];

const words = [
  "the",
  " circle",
  " is",
  " red",
  " and",
  " left",
  " of",
  " 3",
  " squares",
  ";",
  " so",
  " it",
  " must",
  " be",
  " 7",
  ".",
];

/** Writes the run into `folder`, unless it is there. @returns the folder */
export async function writeLargeRun(folder: string, { steps, rollouts, tokens }: LargeRun): Promise<string> {
  if (existsSync(folder)) return folder;
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(join(partial, "pictures"), { recursive: true });
  writeFileSync(
    join(partial, "run.json"),
    JSON.stringify({
      settings: { steps, seed: 1, learningRate: 1e-6 },
      plugins: [],
      dataset: { name: "made up", size: rollouts },
    }),
  );
  const pictures = await writePictures(join(partial, "pictures"), 20);
  const random = randomOf(1);
  writeLines(join(partial, "metrics.jsonl"), steps, (at) => ({
    step: at + 1,
    metrics: Object.fromEntries(names.map((name) => [name, short(0.5 + 0.4 * (at / steps) + 0.2 * (random() - 0.5))])),
  }));
  writeLines(join(partial, "timings.jsonl"), steps, (at) => ({
    step: at + 1,
    tokens: 50_000,
    seconds: { rollout: short(20 + random()), learn: short(12 + random()) },
    terms: { "papo/perception_kl": 2.5 },
  }));
  const list = (of: () => number): number[] => Array.from({ length: tokens }, () => short(of()));
  writeLines(join(partial, "samples.jsonl"), rollouts, (at) => {
    const reward = random() < 0.6 ? 1 : 0;
    const pieces = Array.from({ length: tokens }, () => words[Math.floor(random() * words.length)]!);
    const [original, masked] = [pictures[(2 * at) % pictures.length]!, pictures[(2 * at + 1) % pictures.length]!];
    return {
      step: 1 + Math.floor((at * steps) / rollouts),
      key: `row-${at}`,
      index: 0,
      question: "How many squares are left of the circle?",
      answer: "3",
      text: pieces.join(""),
      finish: "stop",
      tokens: Array.from({ length: tokens }, () => Math.floor(random() * 150_000)),
      pieces,
      reward,
      parts: { accuracy: reward, format: 1 },
      notes: { accuracy: reward === 1 ? "correct" : "perception" },
      logProbs: list(() => -(random() ** 3)),
      advantages: list(() => reward - 0.6),
      entropy: list(() => 2 * random() ** 2),
      perceptionKl: { masked: list(() => 3 * random() ** 4) },
      pictures: [{ views: { original, masked } }],
    };
  });
  renameSync(partial, folder);
  return folder;
}

async function writePictures(folder: string, count: number): Promise<string[]> {
  const files = Array.from({ length: count }, (_, at) => `${at}.png`);
  for (const [at, file] of files.entries()) {
    const random = randomOf(at + 1);
    await sharp(
      Buffer.from(Array.from({ length: 224 * 224 * 3 }, (_, place) => (place % 97) + Math.floor(60 * random()))),
      { raw: { width: 224, height: 224, channels: 3 } },
    )
      .png()
      .toFile(join(folder, file));
  }
  return files.map((file) => `pictures/${file}`);
}

/** A few thousand lines at a time. */
function writeLines(path: string, count: number, of: (at: number) => unknown): void {
  const file = openSync(path, "w");
  for (let from = 0; from < count; from += 2000) {
    const lines = Array.from({ length: Math.min(2000, count - from) }, (_, at) => `${JSON.stringify(of(from + at))}\n`);
    writeSync(file, lines.join(""));
  }
  closeSync(file);
}
