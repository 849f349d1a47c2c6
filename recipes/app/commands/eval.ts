/** `papo eval`: scores of a model folder, a checkpoint or a run on a dataset, with their settings and intervals. */
import { basename, join, resolve } from "node:path";
import {
  beginFolder,
  createHost,
  digestsFile,
  keptDigests,
  learnerSettings,
  openPolicy,
  parseSettings,
} from "@papo/core";
import type { Environment, OpenPolicy } from "@papo/core";
import { Verifier } from "@papo/plugins";
import { benchmarkOf } from "../../run-file/benchmarks.ts";
import { openSources } from "../../run-file/data-source.ts";
import { command } from "../command-line/command.ts";
import { beforeEnd, commandWith, hold, unlessStopped } from "../stopping.ts";
import { dataAt, dataOptions } from "../command-line/data-options.ts";
import { percentInterval } from "../display/format.ts";
import { evaluateConditions } from "../evaluation/evaluate-conditions.ts";
import { verifierJudge } from "../evaluation/judges.ts";
import { conditionsOf, pictureConditions, type PictureCondition } from "../evaluation/pictures.ts";
import { evaluationFolder, readQuestions, type Question } from "../evaluation/question.ts";
import { compareEvaluations, ksOf, pooled, scoresOf, type Scores } from "../evaluation/scores.ts";
import type { Difference } from "../evaluation/paired.ts";
import type { Estimate } from "../evaluation/statistics.ts";
import { modelWithAdapter, openedWeights, startWeights } from "../../run-file/model-folder.ts";
import { loadRunFile } from "../../run-file/run-file.ts";
import { readEvaluation } from "../report/read-evaluation.ts";

export const evalCommand = command({
  name: "eval",
  also: ["evaluate", "test", "validate"],
  forms: ["<model | adapter | checkpoint | run> <data>", "--compare <output | run> <output | run>"],
  summary: [
    "Sample answers to every question, verify them mathematically, and print avg@k, pass@k and maj@k with 95 % intervals, by category too.",
    "Writes questions.jsonl, settings.json and scores.json; started again, it goes on where it was cut off.",
    "With pictures other than the real ones: the same questions with grey pictures, another question's, or none, and what the answers owe to the real ones (dependence.jsonl, by question).",
  ],
  options: {
    samples: { kind: "count", default: 8, text: "Answers to each question." },
    temperature: { kind: "number", least: 0, default: 1, text: "T of the softmax that is sampled from; 0 is greedy." },
    "top-p": { kind: "number", least: 0, default: 1, text: "Keep the most likely tokens whose mass reaches this." },
    "top-k": { kind: "count", least: 0, default: 0, text: "Keep so many most likely tokens; 0 keeps all." },
    "max-new-tokens": { kind: "count", default: 1024, text: "Tokens of an answer at most." },
    seed: { kind: "count", least: 0, default: 1, text: "Of the samples." },
    category: { kind: "text", value: "<column>", many: true, text: "Score by the values of a column too." },
    pictures: {
      kind: "list",
      choices: pictureConditions,
      default: "real",
      text: "Which pictures the questions are asked with.",
    },
    output: {
      kind: "text",
      value: "<folder>",
      text: "Where the evaluation goes, runs/eval/<model>-<data> without it.",
    },
    base: { kind: "text", value: "<model>", text: "Of an adapter: the model that it is for." },
    environments: {
      kind: "text",
      value: "<run.ts>",
      text: "Run file whose environments answer between turns; without it an answer has one turn.",
    },
    compare: {
      kind: "flag",
      text: "Compare two evaluations or runs question by question, error by error; seeds of one side with commas between.",
    },
    ...dataOptions,
  },
  positionals: [2, 2],
  async run({ values, positionals, display }) {
    const [first, second] = positionals as [string, string];
    if (values.compare) return display.result(comparison(first, second));
    const { folder, adapter } = await modelWithAdapter(first, values.base);
    const environments = values.environments === undefined ? [] : await environmentsOf(values.environments);
    const layout = values.benchmark === undefined ? undefined : benchmarkOf(values.benchmark);
    const dataset = await openSources(dataAt(second, values));
    const conditions = conditionsOf("--pictures", values.pictures);
    const settings = {
      model: adapter ?? folder,
      data: resolve(second),
      samples: values.samples,
      temperature: values.temperature,
      topP: values["top-p"],
      topK: values["top-k"],
      maxNewTokens: values["max-new-tokens"],
      seed: values.seed,
      ...(environments.length === 0 ? {} : { environments: environments.map(({ name }) => name) }),
    };
    const output = resolve(values.output ?? join("runs", "eval", `${basename(first)}-${basename(second)}`));
    // Before the model is read: what cannot be written to must not cost a minute.
    const begun = beginFolder(output);
    const verifier = new Verifier();
    for (const note of dataset.notes ?? []) display.line(note);
    let policy: OpenPolicy | null = null;
    const answered = (): number => readQuestions(join(output, "questions.jsonl")).length;
    const forget = beforeEnd(() => (answered() === 0 ? begun.takeBack() : undefined));
    const work = async (): Promise<void> => {
      policy = await openPolicy({
        folder,
        ...learnerSettings(parseSettings(adapter === null ? {} : { lora: { start: adapter } })),
      });
      const weights = openedWeights(
        startWeights(folder, { start: adapter, fixed: [], reference: "base" }, keptDigests(join(output, digestsFile))),
      );
      const stop = hold({
        say: () => display.line("stopping after the answers that are being sampled; Ctrl-C again stops at once"),
      });
      const byCondition = await evaluateConditions({
        policy,
        dataset,
        settings: { ...settings, weights },
        conditions,
        environments,
        judge: verifierJudge(verifier),
        categories: values.category.length > 0 ? values.category : (layout?.categories ?? []),
        output,
        pictures: output,
        signal: stop.signal,
        onCondition: (condition) =>
          display.phase(`evaluating ${dataset.size} questions, pictures ${condition}`, dataset.size),
      }).finally(() => stop.release());
      const how = `T = ${settings.temperature}, top-p ${settings.topP}, top-k ${settings.topK}, at most ${settings.maxNewTokens.toLocaleString("en")} tokens, seed ${settings.seed}`;
      for (const [condition, questions] of byCondition) {
        const scores = scoresOf(questions, ksOf(settings.samples), settings.seed);
        display.result(
          [...(byCondition.size > 1 ? [`pictures ${condition}:`] : []), ...tableOf(scores, settings.samples, how)].join(
            "\n",
          ),
          { pictures: condition, ...settings, scores },
        );
      }
      for (const line of dependenceLines(byCondition)) display.result(line);
      display.result(`written to ${output}`, { output });
    };
    try {
      return await unlessStopped(work, () =>
        display.line(
          `${answered()} of ${dataset.size} questions are answered and kept; go on with: ${commandWith([])}`,
        ),
      );
    } catch (error) {
      if (answered() === 0) begun.takeBack();
      throw error;
    } finally {
      forget();
      await Promise.all([(policy as OpenPolicy | null)?.close(), verifier.close()]);
      begun.end();
    }
  },
});

/** @throws Error where the run file has none: somebody expects answers of several turns */
async function environmentsOf(file: string): Promise<readonly Environment[]> {
  const { plugins } = await loadRunFile(file);
  const environments = [...createHost(plugins, { seed: 1 }).environments.values()];
  if (environments.length === 0) {
    const names = plugins.map(({ name }) => name).join(", ");
    throw new Error(`no plugin of ${file} registers an environment (it has ${names}): leave --environments out`);
  }
  return environments;
}

/** In points, with its interval and chance. */
const differenceText = (difference: Difference): string =>
  `${percentInterval(difference).replaceAll(" %", " points")}, ${difference.p < 0.001 ? "p < 0.001" : `p = ${difference.p.toFixed(3)}`}`;

function dependenceLines(byCondition: ReadonlyMap<PictureCondition, readonly Question[]>): string[] {
  const real = byCondition.get("real")!;
  return [...byCondition]
    .filter(([condition]) => condition !== "real")
    .map(([condition, questions]) => {
      const difference = compareEvaluations(real, questions);
      return `real minus ${condition} pictures, ${difference.questions} questions: ${differenceText(difference)}`;
    });
}

function tableOf(
  { questions, average, pass, majority, categories, outcomes, errors, consistency, evidence }: Scores,
  samples: number,
  how: string,
): string[] {
  const nats = ({ value, low, high }: Estimate): string =>
    `${value.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`;
  return [
    `${questions} questions, ${samples} samples each, ${how}`,
    `avg@${samples}   ${percentInterval(average)}`,
    ...Object.entries(pass)
      .filter(([k]) => k !== "1")
      .map(([k, estimate]) => `pass@${k}  ${percentInterval(estimate)}`),
    ...Object.entries(majority)
      .filter(([k]) => k !== "1")
      .map(([k, estimate]) => `maj@${k}   ${percentInterval(estimate)}`),
    ...Object.entries(categories).flatMap(([column, values]) =>
      Object.entries(values).map(
        ([value, estimate]) => `${column} ${value} (${estimate.questions})  ${percentInterval(estimate)}`,
      ),
    ),
    `answers: ${Object.entries(outcomes)
      .map(([outcome, share]) => `${outcome} ${(100 * share).toFixed(1)} %`)
      .join(", ")}`,
    ...Object.entries(errors)
      .filter(([name]) => name !== "unsorted")
      .map(([name, estimate]) => `${name}  ${percentInterval(estimate)}`),
    ...(consistency === null ? [] : [`answers that their reasoning comes to  ${percentInterval(consistency)}`]),
    ...Object.entries(evidence).map(
      ([condition, { lost }]) => `log-prob that a token loses with ${condition} pictures  ${nats(lost)} nats`,
    ),
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
