/** `papo eval`: scores of a model folder, a checkpoint or a run on a dataset, with their settings and intervals. */
import { existsSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { checkpointFolders, learnerSettings, openPolicy, policyFolder, parseSettings } from "@papo/core";
import { Verifier } from "@papo/plugins";
import { openSources, resolveData } from "../data-source.ts";
import { createDisplay } from "../display/live.ts";
import { compareEvaluations, dependenceOf, evaluateModel, readQuestions, scoresOf, type Question, type Scores } from "../evaluation/evaluate-model.ts";
import { pictureConditions, underCondition, type PictureCondition } from "../evaluation/pictures.ts";
import type { Estimate } from "../evaluation/statistics.ts";
import { wholeNumber } from "../options.ts";
import { columnsOf } from "./data.ts";
import type { Command } from "./command.ts";

export const evalCommand: Command = {
  usage: "papo eval <model | checkpoint | run> <data> [--samples 8] [--temperature 1] [--max-new-tokens 1024] [--pictures real,blank,swapped,absent] [--output runs/eval/…] | --compare <output> <output>",
  summary: [
    "Sample answers to every question, verify them mathematically, and print avg@k, pass@k and maj@k with 95 % intervals, by category too.",
    "Writes questions.jsonl, settings.json and scores.json; started again, it goes on where it was cut off. --pictures: the same questions",
    "with grey pictures, another question's, or none, and what the answers owe to the real ones (dependence.jsonl, by question). --compare: two evaluations question by question.",
    "Also: --top-p 1, --top-k 0, --seed 1; --category <column>; --columns prompt=problem, --split test, --template \"{prompt} …\" of the data.",
  ].join("\n"),
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        samples: { type: "string", default: "8" }, temperature: { type: "string", default: "1" }, "top-p": { type: "string", default: "1" }, "top-k": { type: "string", default: "0" },
        "max-new-tokens": { type: "string", default: "1024" }, seed: { type: "string", default: "1" }, category: { type: "string" }, columns: { type: "string" }, split: { type: "string" },
        template: { type: "string" }, pictures: { type: "string", default: "real" }, output: { type: "string" }, compare: { type: "boolean", default: false },
      },
    });
    const [first, second] = positionals;
    if (first === undefined || second === undefined || positionals.length > 2) throw new Error(`usage: ${evalCommand.usage}`);
    if (values.compare) return console.log(comparison(first, second));
    const model = modelFolder(first);
    const source = { path: second, ...(values.columns === undefined ? {} : { columns: columnsOf(values.columns) }), ...(values.split === undefined ? {} : { split: values.split }), ...(values.template === undefined ? {} : { template: values.template }) };
    const dataset = await openSources(resolveData(source, resolve("."), "data"));
    const conditions = conditionsOf(values.pictures);
    const settings = {
      model, data: resolve(second), samples: wholeNumber("--samples", values.samples), temperature: number("--temperature", values.temperature, 0), topP: number("--top-p", values["top-p"], 0),
      topK: number("--top-k", values["top-k"], 0), maxNewTokens: wholeNumber("--max-new-tokens", values["max-new-tokens"]), seed: number("--seed", values.seed, 0),
    };
    const output = resolve(values.output ?? join("runs", "eval", `${basename(first)}-${basename(second)}`));
    const [verifier, display] = [new Verifier(), createDisplay()];
    const policy = await openPolicy({ folder: model, ...learnerSettings(parseSettings({})) });
    try {
      const byCondition = new Map<PictureCondition, readonly Question[]>();
      for (const pictures of conditions) {
        const own = await underCondition(dataset, pictures);
        const folder = pictures === "real" ? output : join(output, pictures);
        const phase = display.phase(`evaluating ${own.size} questions, pictures ${pictures}`, own.size);
        const questions = await evaluateModel({ policy, dataset: own, settings: { ...settings, pictures }, verifier, category: values.category ?? null, output: folder, onProgress: phase.advance });
        phase.end();
        byCondition.set(pictures, questions);
        const scores = scoresOf(questions, ksOf(settings.samples), settings.seed);
        writeFileSync(join(folder, "scores.json"), `${JSON.stringify({ settings: { ...settings, pictures }, ...scores }, null, 1)}\n`);
        for (const line of tableOf(scores, settings.samples)) display.line(line);
      }
      for (const line of dependenceLines(byCondition)) display.line(line);
      writeFileSync(join(output, "dependence.jsonl"), dependenceOf(byCondition).map((one) => `${JSON.stringify(one)}\n`).join(""));
      display.line(`written to ${output}`);
    } finally {
      display.close();
      await Promise.all([policy.close(), verifier.close()]);
    }
  },
};

/** A model folder itself, the model of a checkpoint, or of a run's newest checkpoint. @throws Error when it is none */
function modelFolder(path: string): string {
  const folder = resolve(path);
  const newest = checkpointFolders(join(folder, "checkpoints"))[0];
  const candidates = [folder, join(policyFolder(folder), "model"), ...(newest === undefined ? [] : [join(policyFolder(newest.folder), "model")])];
  const found = candidates.find((candidate) => existsSync(join(candidate, "config.json")));
  if (found === undefined) throw new Error(`${folder} is no model folder, no checkpoint and no run with one: there is no config.json in ${candidates.join(", ")}`);
  return found;
}

/** "real,blank"; the real ones first. */
function conditionsOf(text: string): PictureCondition[] {
  const asked = text.split(",").map((name) => name.trim());
  const unknown = asked.find((name) => !(pictureConditions as readonly string[]).includes(name));
  if (unknown !== undefined) throw new Error(`--pictures takes ${pictureConditions.join(", ")}, not "${unknown}"`);
  return pictureConditions.filter((condition) => condition === "real" || asked.includes(condition));
}

function dependenceLines(byCondition: ReadonlyMap<PictureCondition, readonly Question[]>): string[] {
  const real = byCondition.get("real")!;
  return [...byCondition].filter(([condition]) => condition !== "real").map(([condition, questions]) => {
    const difference = compareEvaluations(real, questions);
    return `real minus ${condition} pictures, ${difference.questions} questions: ${percent(difference).replaceAll(" %", " points")}, p = ${difference.p.toFixed(3)}`;
  });
}

/** 1, 2, 4 … up to the number of samples, itself included. */
const ksOf = (samples: number): number[] => [...new Set([...Array.from({ length: Math.floor(Math.log2(samples)) + 1 }, (_, power) => 2 ** power), samples])];

function number(option: string, text: string, least: number): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < least) throw new Error(`${option} takes a number from ${least}, not "${text}"`);
  return value;
}

const percent = ({ value, low, high }: Estimate): string => `${(100 * value).toFixed(1)} % [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`;

function tableOf({ questions, average, pass, majority, categories, outcomes }: Scores, samples: number): string[] {
  return [
    `${questions} questions, ${samples} samples each`,
    `avg@${samples}   ${percent(average)}`,
    ...Object.entries(pass).filter(([k]) => k !== "1").map(([k, estimate]) => `pass@${k}  ${percent(estimate)}`),
    ...Object.entries(majority).filter(([k]) => k !== "1").map(([k, estimate]) => `maj@${k}   ${percent(estimate)}`),
    ...Object.entries(categories).map(([category, estimate]) => `${category} (${estimate.questions})  ${percent(estimate)}`),
    `answers: ${Object.entries(outcomes).map(([outcome, share]) => `${outcome} ${(100 * share).toFixed(1)} %`).join(", ")}`,
  ];
}

function comparison(a: string, b: string): string {
  const [own, other] = [a, b].map((folder) => readQuestions(join(folder, "questions.jsonl")));
  for (const [folder, questions] of [[a, own], [b, other]] as const) if (questions!.length === 0) throw new Error(`${resolve(folder)} holds no evaluation: papo eval writes questions.jsonl`);
  const difference = compareEvaluations(own!, other!);
  return `${basename(a)} minus ${basename(b)} on ${difference.questions} shared questions: ${percent(difference).replaceAll(" %", " points")}, p = ${difference.p.toFixed(3)}`;
}
