/** `papo eval`: scores of a model folder, a checkpoint or a run on a dataset, with their settings and intervals. */
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { beginFolder, learnerSettings, openPolicy, parseSettings, type OpenPolicy } from "@papo/core";
import { Verifier } from "@papo/plugins";
import { benchmarkOf, benchmarks } from "../../run-file/benchmarks.ts";
import { openSources, resolveData } from "../../run-file/data-source.ts";
import { percentInterval } from "../display/format.ts";
import { createDisplay } from "../display/live.ts";
import { evaluateConditions } from "../evaluation/evaluate-conditions.ts";
import { verifierJudge } from "../evaluation/judges.ts";
import { conditionsOf, type PictureCondition } from "../evaluation/pictures.ts";
import { evaluationFolder, readQuestions, type Question } from "../evaluation/question.ts";
import { compareEvaluations, ksOf, pooled, scoresOf, type Scores } from "../evaluation/scores.ts";
import type { Difference } from "../evaluation/paired.ts";
import type { Estimate } from "../evaluation/statistics.ts";
import { modelWithAdapter } from "../../run-file/model-folder.ts";
import { readEvaluation } from "../report/read-evaluation.ts";
import { numberFrom, wholeNumber } from "../options.ts";
import { columnsOf } from "./data.ts";
import type { Command } from "./command.ts";

const options = {
  samples: { type: "string", default: "8" }, temperature: { type: "string", default: "1" }, "top-p": { type: "string", default: "1" }, "top-k": { type: "string", default: "0" },
  "max-new-tokens": { type: "string", default: "1024" }, seed: { type: "string", default: "1" }, category: { type: "string", multiple: true }, columns: { type: "string" }, split: { type: "string" },
  template: { type: "string" }, benchmark: { type: "string" }, pictures: { type: "string", default: "real" }, output: { type: "string" }, base: { type: "string" }, compare: { type: "boolean", default: false },
} as const;

export const evalCommand: Command = {
  usage: "papo eval <model | adapter | checkpoint | run> <data> [--samples 8] [--temperature 1] [--max-new-tokens 1024] [--pictures real,masked,blank,swapped,absent] [--output runs/eval/…] [--base <model>] | --compare <output | run> <output | run>",
  summary: [
    "Sample answers to every question, verify them mathematically, and print avg@k, pass@k and maj@k with 95 % intervals, by category too.",
    "Writes questions.jsonl, settings.json and scores.json; started again, it goes on where it was cut off. --pictures: the same questions",
    "with grey pictures, another question's, or none, and what the answers owe to the real ones (dependence.jsonl, by question). --compare: two evaluations or runs question by question, error by error; seeds of one side with commas between.",
    "Also: --top-p 1, --top-k 0, --seed 1; --category <column>; --columns prompt=problem, --split test, --template \"{prompt} …\" of the data;",
    `--benchmark, for data in a public layout: ${Object.keys(benchmarks).join(", ")}.`,
  ].join("\n"),
  options,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options,
    });
    const [first, second] = positionals;
    if (first === undefined || second === undefined || positionals.length > 2) throw new Error(`usage: ${evalCommand.usage}`);
    if (values.compare) return console.log(comparison(first, second));
    const { folder, adapter } = await modelWithAdapter(first, values.base);
    const layout = values.benchmark === undefined ? undefined : benchmarkOf(values.benchmark);
    const source = { path: second, ...(values.benchmark === undefined ? {} : { benchmark: values.benchmark }), ...(values.columns === undefined ? {} : { columns: columnsOf(values.columns) }), ...(values.split === undefined ? {} : { split: values.split }), ...(values.template === undefined ? {} : { template: values.template }) };
    const dataset = await openSources(resolveData(source, resolve("."), "data"));
    const conditions = conditionsOf("--pictures", values.pictures.split(",").map((name) => name.trim()));
    const settings = {
      model: adapter ?? folder, data: resolve(second), samples: wholeNumber("--samples", values.samples), temperature: numberFrom("--temperature", values.temperature, 0), topP: numberFrom("--top-p", values["top-p"], 0),
      topK: numberFrom("--top-k", values["top-k"], 0), maxNewTokens: wholeNumber("--max-new-tokens", values["max-new-tokens"]), seed: numberFrom("--seed", values.seed, 0),
    };
    const output = resolve(values.output ?? join("runs", "eval", `${basename(first)}-${basename(second)}`));
    // Before the model is read: what cannot be written to must not cost a minute.
    const begun = beginFolder(output);
    const [verifier, display] = [new Verifier(), createDisplay()];
    for (const note of dataset.notes ?? []) display.line(note);
    let policy: OpenPolicy | null = null;
    try {
      policy = await openPolicy({ folder, ...learnerSettings(parseSettings(adapter === null ? {} : { lora: { start: adapter } })) });
      const byCondition = await evaluateConditions({
        policy, dataset, settings, conditions, judge: verifierJudge(verifier), categories: values.category ?? layout?.categories ?? [], output, pictures: output,
        onCondition: (condition) => display.phase(`evaluating ${dataset.size} questions, pictures ${condition}`, dataset.size),
      });
      const how = `T = ${settings.temperature}, top-p ${settings.topP}, top-k ${settings.topK}, at most ${settings.maxNewTokens.toLocaleString("en")} tokens, seed ${settings.seed}`;
      for (const [condition, questions] of byCondition) {
        if (byCondition.size > 1) display.line(`pictures ${condition}:`);
        for (const line of tableOf(scoresOf(questions, ksOf(settings.samples), settings.seed), settings.samples, how)) display.line(line);
      }
      for (const line of dependenceLines(byCondition)) display.line(line);
      display.line(`written to ${output}`);
    } catch (error) {
      if (readQuestions(join(output, "questions.jsonl")).length === 0) begun.takeBack();
      throw error;
    } finally {
      display.close();
      await Promise.all([policy?.close(), verifier.close()]);
      begun.end();
    }
  },
};

/** In points, with its interval and chance. */
const differenceText = (difference: Difference): string => `${percentInterval(difference).replaceAll(" %", " points")}, ${difference.p < 0.001 ? "p < 0.001" : `p = ${difference.p.toFixed(3)}`}`;

function dependenceLines(byCondition: ReadonlyMap<PictureCondition, readonly Question[]>): string[] {
  const real = byCondition.get("real")!;
  return [...byCondition].filter(([condition]) => condition !== "real").map(([condition, questions]) => {
    const difference = compareEvaluations(real, questions);
    return `real minus ${condition} pictures, ${difference.questions} questions: ${differenceText(difference)}`;
  });
}

function tableOf({ questions, average, pass, majority, categories, outcomes, errors, consistency, evidence }: Scores, samples: number, how: string): string[] {
  const nats = ({ value, low, high }: Estimate): string => `${value.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`;
  return [
    `${questions} questions, ${samples} samples each, ${how}`,
    `avg@${samples}   ${percentInterval(average)}`,
    ...Object.entries(pass).filter(([k]) => k !== "1").map(([k, estimate]) => `pass@${k}  ${percentInterval(estimate)}`),
    ...Object.entries(majority).filter(([k]) => k !== "1").map(([k, estimate]) => `maj@${k}   ${percentInterval(estimate)}`),
    ...Object.entries(categories).flatMap(([column, values]) => Object.entries(values).map(([value, estimate]) => `${column} ${value} (${estimate.questions})  ${percentInterval(estimate)}`)),
    `answers: ${Object.entries(outcomes).map(([outcome, share]) => `${outcome} ${(100 * share).toFixed(1)} %`).join(", ")}`,
    ...Object.entries(errors).filter(([name]) => name !== "unsorted").map(([name, estimate]) => `${name}  ${percentInterval(estimate)}`),
    ...(consistency === null ? [] : [`answers that their reasoning comes to  ${percentInterval(consistency)}`]),
    ...Object.entries(evidence).map(([condition, { lost }]) => `log-prob that a token loses with ${condition} pictures  ${nats(lost)} nats`),
  ];
}

function comparison(a: string, b: string): string {
  const sides = [a, b].map((list) => list.split(",").map((folder) => readEvaluation(evaluationFolder(folder))!));
  const [own, other] = sides.map((side) => pooled(side.map(({ questions }) => questions)));
  const [first, second] = sides.map((side) => [...new Set(side.map(({ accuracy }) => accuracy.measure))].join(" and "));
  const compared = compareEvaluations(own!, other!);
  const points = (share: number): string => (100 * share).toFixed(1);
  return [
    `first: ${a}, ${first}; second: ${b}, ${second}${first === second ? "" : " (measured otherwise: part of the difference may be that)"}`,
    `first minus second on ${compared.questions} shared questions: ${differenceText(compared)}`,
    "[95 % interval over questions, not over seeds] and p are of one sign-flip test",
    ...Object.entries(compared.errors).map(([name, error]) => {
      const less = error.a > 0 ? `: ${percentInterval(error.reduction)} of the first's are gone` : "";
      return `${name}: ${points(error.a)} % of the first's answers, ${points(error.b)} % of the second's${less}`;
    }),
  ].join("\n");
}
