import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Verifier } from "@papo/plugins";
import { arrayDataset } from "../../../../core/data/dataset.ts";
import { evaluateModel } from "../../../../recipes/app/evaluation/evaluate-model.ts";
import { verifierJudge } from "../../../../recipes/app/evaluation/judges.ts";
import { readQuestions } from "../../../../recipes/app/evaluation/question.ts";
import { compareEvaluations, scoresOf } from "../../../../recipes/app/evaluation/scores.ts";
import { papo, root } from "../../../support/command-line.ts";
import { papoHere } from "../../../support/papo-here.ts";
import { temporaryFolder } from "../../../support/bandit.ts";
import { tabularPolicy } from "../../../support/tabular-policy.ts";

const dataset = arrayDataset(
  ["a", "b", "c", "d", "e", "f"].map((letter, index) => ({
    id: letter,
    prompt: letter,
    answer: letter,
    fields: { topic: index < 3 ? "first" : "last" },
  })),
);
const settings = {
  model: "m",
  data: "d",
  samples: 4,
  temperature: 1,
  topP: 1,
  topK: 0,
  maxNewTokens: 5,
  seed: 1,
  pictures: "real" as const,
};
/** Right where the response begins with the letter. */
const verifier = {
  verify: (gold: string, response: string) =>
    Promise.resolve({
      outcome:
        response === "" ? ("no answer" as const) : response.startsWith(gold) ? ("right" as const) : ("wrong" as const),
      expected: gold,
      found: response === "" ? null : response[0]!,
      consistent: null,
      usableGold: true,
    }),
};

test("scores come with intervals, by category; what was cut off goes on to the same questions; other settings are refused", async () => {
  const output = temporaryFolder();
  const run = (changes: object = {}, of = dataset, to = output) =>
    evaluateModel({
      policy: tabularPolicy(),
      dataset: of,
      settings: { ...settings, ...changes },
      judge: verifierJudge(verifier),
      categories: ["topic"],
      output: to,
    });
  const questions = await run();
  const scores = scoresOf(questions, [1, 2, 4]);
  const right = questions.map(({ answers }) => answers.filter(({ outcome }) => outcome === "right").length / 4);
  expect(scores.average.value).toBeCloseTo(right.reduce((sum, value) => sum + value, 0) / 6, 12);
  expect(scores.pass[1]!.value).toBeCloseTo(scores.average.value, 12);
  expect(scores.pass[4]!.value).toBeGreaterThanOrEqual(scores.pass[2]!.value);
  expect(Object.keys(scores.categories["topic"]!)).toEqual(["first", "last"]);
  expect(scores.average.low).toBeLessThanOrEqual(scores.average.value);

  const cut = temporaryFolder();
  await run({}, { ...dataset, size: 3 }, cut);
  appendFileSync(join(cut, "questions.jsonl"), '{"id":"half');
  expect(await run({}, dataset, cut)).toEqual(questions);
  expect(readFileSync(join(cut, "questions.jsonl"), "utf8")).toBe(
    readFileSync(join(output, "questions.jsonl"), "utf8"),
  );
  expect(readQuestions(join(output, "questions.jsonl"))).toEqual(questions);
  await expect(run({ temperature: 0.5 })).rejects.toThrow(
    /holds an evaluation with temperature 1, this one has 0\.5: choose another --output/,
  );
  expect(compareEvaluations(questions, questions.slice(1))).toMatchObject({ value: 0, questions: 5, p: 1 });
  expect(() => compareEvaluations(questions, [])).toThrow("no question in common");
});

test("papo eval scores a model folder on a file, and says what is no model", async () => {
  const output = temporaryFolder();
  const start = join("recipes", "app", "tasks", "shapes", "start-model");
  const data = join("recipes", "examples", "data", "rows.jsonl");
  const { code, output: said } = await papo(
    ["eval", start, data, "--samples", "2", "--max-new-tokens", "8", "--pictures", "blank,absent", "--output", output],
    root,
  );
  expect(said).toMatch(/questions, 2 samples each[\s\S]*avg@2 +[\d.]+ % \[[\d.]+, [\d.]+\][\s\S]*pass@2[\s\S]*maj@2/);
  expect(code).toBe(0);
  expect(JSON.parse(readFileSync(join(output, "scores.json"), "utf8"))).toMatchObject({
    settings: { samples: 2, temperature: 1 },
  });
  expect(said).toMatch(/real minus blank pictures, \d+ questions: -?[\d.]+ points[\s\S]*real minus absent pictures/);
  const [first] = readFileSync(join(output, "dependence.jsonl"), "utf8").split("\n");
  const { real, others, dependence, lost } = JSON.parse(first!) as {
    real: number;
    others: { blank: number; absent: number };
    dependence: number;
    lost: object;
  };
  expect(Object.keys(lost)).toEqual(["blank", "absent"]);
  expect(dependence).toBeCloseTo(real - (others.blank + others.absent) / 2, 12);
  const same = await papoHere(["eval", "--compare", output, output]);
  expect(same.output).toMatch(/shared questions: 0\.0 points \[0\.0, 0\.0\], p = 1\.000/);
  const none = await papoHere(["eval", output, data]);
  expect(none.code).toBe(1);
  expect(none.output).toMatch(/is no model folder, no checkpoint and no run with one/);
  // Nothing is left of an evaluation that could not begin, and it ends where nothing can be written.
  const fresh = join(output, "fresh");
  expect(
    (await papoHere(["eval", start, data, "--output", fresh, "--pictures", "real", "--template", "{nothing}"])).code,
  ).toBe(1);
  expect(existsSync(fresh)).toBe(false);
  if (existsSync("/proc/self")) {
    const nowhere = await papoHere(["eval", start, data, "--output", "/proc/nowhere/out"]);
    expect(nowhere.output).toMatch(/The folder \/proc\/nowhere\/out cannot be written to/);
  }
}, 120_000);

test("the verifier of the command is the one of the reward", async () => {
  const own = new Verifier();
  expect((await own.verify("1/2", "\\boxed{0.5}")).outcome).toBe("right");
  await own.close();
});

test("the environments of a run file answer between turns, and are part of an evaluation's settings", async () => {
  const folder = temporaryFolder();
  const start = join(root, "recipes/app/tasks/shapes/start-model");
  const [data, run, bare] = [join(folder, "rows.jsonl"), join(folder, "run.mjs"), join(folder, "bare.mjs")];
  writeFileSync(data, `${JSON.stringify({ id: "a", prompt: "how many cross ?", answer: "1" })}\n`);
  const written = (plugin: string): string =>
    `export default { model: ${JSON.stringify(start)}, data: "rows.jsonl", plugins: [${plugin}], output: "run" };`;
  writeFileSync(
    run,
    written(
      'new (class AgainPlugin { name = "AgainPlugin"; apply({ environments }) { environments.register({ name: "again", maxTurns: 2, reply: () => ({ text: "how many cross ?" }) }); } })()',
    ),
  );
  writeFileSync(bare, written('new (class BarePlugin { name = "BarePlugin"; apply() {} })()'));
  const asked = (output: string, ...words: readonly string[]) =>
    papoHere([
      "eval",
      start,
      data,
      "--samples",
      "4",
      "--max-new-tokens",
      "60",
      "--pictures",
      "real",
      "--output",
      join(folder, output),
      ...words,
    ]);
  for (const again of [false, true]) {
    const { code, output } = await asked("several", "--environments", run);
    expect([again, code, output]).toEqual([again, 0, expect.stringContaining("1 questions, 4 samples each")]);
  }
  expect(JSON.parse(readFileSync(join(folder, "several/settings.json"), "utf8"))).toMatchObject({
    environments: ["again"],
  });
  const [{ answers }] = readQuestions(join(folder, "several/questions.jsonl")) as [
    ReturnType<typeof readQuestions>[number],
  ];
  // Turns are joined by new lines.
  expect(answers.some(({ text }) => text.includes("\n"))).toBe(true);
  await asked("one");
  expect(readQuestions(join(folder, "one/questions.jsonl"))[0]!.answers.some(({ text }) => text.includes("\n"))).toBe(
    false,
  );
  const { code, output } = await asked("none", "--environments", bare);
  expect(code).toBe(1);
  expect(output).toMatch(
    /no plugin of .*bare\.mjs registers an environment \(it has BarePlugin\): leave --environments out/,
  );
}, 60_000);
