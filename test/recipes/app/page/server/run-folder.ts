/** A run's folder as training writes it, step by step. */
import { appendFileSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const newRunFolder = (): string => mkdtempSync(join(tmpdir(), "page-run-"));

export function describeRun(folder: string, steps: number): void {
  writeFileSync(
    join(folder, "run.json"),
    JSON.stringify({ settings: { steps, seed: 1 }, plugins: [], dataset: { name: "rows", size: 4 } }),
  );
}

export function appendStep(folder: string, step: number, reward: number): void {
  appendFileSync(
    join(folder, "metrics.jsonl"),
    `${JSON.stringify({ step, metrics: { "reward/mean": reward, "rollout/length": 10 + step } })}\n`,
  );
  appendFileSync(
    join(folder, "timings.jsonl"),
    `${JSON.stringify({ step, tokens: 100, seconds: { rollout: 1, learn: 1 }, terms: {} })}\n`,
  );
}

export function appendRollout(folder: string, step: number, more: object = {}): void {
  const row = {
    step,
    key: `row-${step}`,
    index: 0,
    question: "how many?",
    answer: "2",
    text: "two",
    finish: "stop",
    pieces: ["t", "wo"],
    reward: 1,
    parts: {},
    notes: { accuracy: "right" },
    logProbs: [-1, -2],
    advantages: [0.5, 0.5],
    entropy: [0.1, 0.2],
    perceptionKl: { masked: [0, 1] },
    pictures: [],
    ...more,
  };
  appendFileSync(join(folder, "samples.jsonl"), `${JSON.stringify(row)}\n`);
}
