import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VisualFocusPlugin } from "../../../recipes/examples/visual-focus.ts";
import { lossOf } from "@papo/core/testing";
import { shortNumber } from "../../../recipes/app/display/format.ts";
import { headlines, timingMetrics, type StepTiming } from "../../../recipes/app/report/headline.ts";
import type { FrozenPage } from "../../../recipes/app/page/contract.ts";
import { papo, root } from "../../support/command-line.ts";
import { ClippedObjectivePlugin, RandomMaskPlugin } from "@papo/plugins";

/** The example's folder with fewer steps, so that paths relative to the run file are tried elsewhere too. */
let folder = "";
const edit = (file: string, change: (text: string) => string): void => {
  writeFileSync(join(folder, file), change(readFileSync(join(folder, file), "utf8")));
};

beforeAll(() => {
  folder = mkdtempSync(join(root, "runs-test-"));
  cpSync(join(root, "recipes/examples"), folder, { recursive: true });
  edit("run.ts", (text) =>
    text
      .replace("../app/tasks/shapes/start-model", join(root, "recipes/app/tasks/shapes/start-model"))
      .replace("../../runs/example", "out")
      .replace("steps: 10", "steps: 2, checkpointEvery: 1"),
  );
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/**
 * Display, page and metrics.jsonl (timings.jsonl for speed) of the second step say the same of every headline number,
 * and there is none that this run lacks.
 */
function expectSameHeadlines(output: string, run: string, metrics: Record<string, number>): void {
  const [, shown = ""] = /step 2\/2: (.*)/.exec(output) ?? [];
  const page = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(
    readFileSync(join(run, "report.html"), "utf8"),
  )![1]!;
  const {
    curves: { curves },
    overview: { metrics: drawn },
  } = JSON.parse(page) as FrozenPage;
  const timing = JSON.parse(readFileSync(join(run, "timings.jsonl"), "utf8").trim().split("\n")[1]!) as StepTiming;
  const written: Record<string, number> = { ...metrics, ...timingMetrics(timing) };
  // onnxruntime compiles nothing for sizes: it has no share of known ones.
  for (const { id, short, metrics: names } of headlines.filter((headline) => headline.id !== "knownSizes")) {
    const name = names.find((candidate) => candidate in written);
    expect(name, `${id}: one of ${names.join(", ")}`).toBeDefined();
    const value = written[name!]!;
    const text = id === "speed" ? `${shortNumber(value)} ${short}` : `${short} ${shortNumber(value)}`;
    expect(shown.split(/, (?=[a-zA-Z|]|\d)/), id).toContain(text);
    expect(curves.find(({ metric }) => metric === `headline/${id}`)!.mean.at(-1), id).toBe(
      Number(value.toPrecision(4)),
    );
    expect(
      drawn.find(({ key }) => key === `headline/${id}`),
      id,
    ).toMatchObject({ names: name, shown: true });
  }
}

describe("the README's run file", () => {
  test("trains, evaluates, writes a model and a report, and resumes", async () => {
    const { code, output } = await papo(["train", join(folder, "run.ts")], root);
    expect(output).toContain("finished after 2 steps");
    expect(code).toBe(0);
    for (const file of [
      "report.html",
      "metrics.jsonl",
      "evaluation/before/questions.jsonl",
      "evaluation/after/scores.json",
      "checkpoints/step-2/policy/model/model.safetensors",
    ]) {
      expect(existsSync(join(folder, "out", file)), file).toBe(true);
    }
    const metrics = readFileSync(join(folder, "out/metrics.jsonl"), "utf8").trim().split("\n");
    expect(metrics).toHaveLength(2);
    expect(metrics[0]).toContain("visual_focus/share");
    const read = (moment: string): string =>
      readFileSync(join(folder, "out/evaluation", moment, "questions.jsonl"), "utf8");
    const [before, after] = [read("before"), read("after")];
    // Weights that were measured already are not sampled from again: a line of theirs that is changed stays so.
    const marked = after.replace('"note":', '"kept":true,"note":');
    writeFileSync(join(folder, "out/evaluation/after/questions.jsonl"), marked);
    const again = await papo(["train", join(folder, "run.ts"), "--resume"], root);
    expect(again.output).toContain("finished after 2 steps");
    expect([read("before"), read("after")]).toEqual([before, marked]);
    expect((await papo(["train", join(folder, "run.ts")], root)).output).toContain("--resume");
  });

  test("measures itself between steps, with and without its pictures", async () => {
    writeFileSync(
      join(folder, "measured.ts"),
      readFileSync(join(folder, "run.ts"), "utf8")
        .replace('output: "out"', 'output: "measured"')
        .replace(/reward: (.*),\n/, 'plugins: [new FunctionRewardPlugin({ name: "accuracy", score: $1 }), ')
        .replace(/ +plugins: \[\.\.\./, "...")
        .replace("import {", 'import { FunctionRewardPlugin } from "@papo/plugins";\nimport {')
        .replace(
          'evaluation: "./data/rows.jsonl"',
          'evaluation: { data: "./data/rows.jsonl", every: 2, samples: 2, categories: ["visionDependent"], pictures: ["masked", "absent"] }',
        ),
    );
    const { code, output } = await papo(["train", join(folder, "measured.ts")], root);
    expect(code, output).toBe(0);
    const [first, second] = readFileSync(join(folder, "measured/metrics.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { metrics: Record<string, number> }).metrics);
    expect(Object.keys(first!).filter((name) => name.startsWith("evaluation/"))).toEqual([]);
    for (const name of [
      "average",
      "pass@2",
      "maj@2",
      "visionDependent/true",
      "visual_dependence",
      "lost/masked",
      "lost/absent",
    ])
      expect(second![`evaluation/${name}`], name).toEqual(expect.any(Number));
    expect(existsSync(join(folder, "measured/evaluation/step-2/absent/questions.jsonl"))).toBe(true);
    // The last step was just measured: that is the measurement after training, and nobody sampled for it.
    expect(output).toMatch(/evaluating \d+ rows step-2/);
    expect(output).not.toMatch(/evaluating \d+ rows after/);
    for (const file of ["questions.jsonl", "settings.json", "absent/scores.json"])
      expect(readFileSync(join(folder, "measured/evaluation/after", file), "utf8"), file).toBe(
        readFileSync(join(folder, "measured/evaluation/step-2", file), "utf8"),
      );
    expectSameHeadlines(output, join(folder, "measured"), second!);
    expect(readFileSync(join(folder, "measured/report.html"), "utf8")).toContain("evaluation/visual_dependence");
    const reported = await papo(
      [
        "report",
        join(folder, "out"),
        join(folder, "measured/evaluation/step-2"),
        "--output",
        join(folder, "both.html"),
      ],
      root,
    );
    expect(reported.code, reported.output).toBe(0);
    const page = readFileSync(join(folder, "both.html"), "utf8");
    for (const name of ["out", "step-2"]) expect(page).toContain(`"name":"${name}"`);
    expect((await papo(["report", join(folder, "nowhere")], root)).output).toContain("There is no run folder");
    edit("measured.ts", (text) => text.replace('"masked", "absent"', '"black"'));
    expect((await papo(["train", join(folder, "measured.ts")], root)).output).toContain(
      'evaluation: pictures takes real, masked, blank, swapped, absent, not "black"',
    );
  });

  test("its model is a model folder to train from", async () => {
    edit("run.ts", (text) =>
      text
        .replace(/model: "[^"]*"/, 'model: "out/checkpoints/step-2/policy/model"')
        .replace('output: "out"', 'output: "out2"'),
    );
    expect((await papo(["train", join(folder, "run.ts")], root)).output).toContain("finished after 2 steps");
  });

  test("supervised training writes a model folder", async () => {
    edit("run.ts", (text) => text.replace('output: "out2"', 'output: "out3"'));
    const { code, output } = await papo(["sft", join(folder, "run.ts")], root);
    expect(output).toContain("loss");
    expect(code).toBe(0);
    expect(existsSync(join(folder, "out3/supervised/model/model.safetensors"))).toBe(true);
  });

  test("mistakes are told in a sentence", async () => {
    edit("run.ts", (text) => text.replace("learningRate:", "learningrate:"));
    const { code, output } = await papo(["train", join(folder, "run.ts")], root);
    expect(output).toMatch(/learningrate.*learningRate/s);
    expect(output).not.toContain("    at ");
    expect(code).toBe(1);
    expect((await papo(["train", join(folder, "missing.ts")], root)).output).toContain("missing.ts");
    expect((await papo(["fly"], root)).code).toBe(2);
  });
});

test("the README's plugin keeps the policy gradient of tokens that depend on the picture", () => {
  const plugins = [new RandomMaskPlugin(), new ClippedObjectivePlugin(), new VisualFocusPlugin({ threshold: 0.5 })];
  const minibatch = {
    logProbs: [[-1, -1]],
    oldLogProbs: [[-1, -1]],
    advantages: [[1, 1]],
    mask: [[1, 1]],
    scores: { "masked/old/logProbs": [[-1.1, -3]] },
  };
  const { gradients } = lossOf(plugins, minibatch);
  const [blind, seeing] = gradients["original"]?.logProbs?.[0] ?? [];
  expect(blind).toBe(0);
  expect(seeing).toBeLessThan(0);
});
