import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readQuestions } from "../../../../recipes/app/evaluation/question.ts";
import { papo, root } from "../../../support/command-line.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(root, "runs-test-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("papo demo", () => {
  test("trains each recipe from the same start, measures it and writes one report; an earlier one stays", async () => {
    const args = [
      "demo",
      "--task",
      "shapes",
      "--steps",
      "2",
      "--scenes",
      "16",
      "--recipe",
      "grpo",
      "--recipe",
      "papo-d",
      "--mode",
      "paper",
      "--output",
      join(folder, "demo"),
    ];
    const { code, output } = await papo(args, folder);
    expect(code, output).toBe(0);
    // Three lines say what is shown and why; how a run is set up is said on request; a question stands with its answer.
    expect(output.split("\n").slice(0, 3).join("\n")).toMatch(
      /^A tiny vision-language model .* by grpo, then anew by papo\(dapo\), paper\.\nWhy: .* 16 unseen pictures.*\nThe end: .*report\.html/,
    );
    expect(output).not.toMatch(/plugins: |score: |drawing|sampler and learner/);
    expect(output).toMatch(/asked ".+", answered ".+": reward [\d.]+; right is ".+"/);
    expect(output).toContain("greedy accuracy on unseen scenes");
    expect(output).toContain("papo(dapo), paper is");
    const questionsOf = (run: string, place: string) =>
      readQuestions(join(folder, "demo", run, "evaluation", place, "questions.jsonl"));
    expect(questionsOf("grpo-1", "before")).toEqual(questionsOf("papo-dapo-paper-1", "before"));
    expect(questionsOf("papo-dapo-paper-1", "after/sampled")).toHaveLength(16);
    const [shown] = questionsOf("papo-dapo-paper-1", "after");
    for (const file of Object.values(shown!.pictures[0]!))
      expect(existsSync(join(folder, "demo", "papo-dapo-paper-1", file)), file).toBe(true);
    expect(Object.keys(shown!.pictures[0]!)).toEqual(["original", "masked"]);
    expect(readFileSync(join(folder, "demo", "report.html"), "utf8")).toContain("papo(dapo), paper");
    const again = await papo(
      [
        "demo",
        "--task",
        "shortcut",
        "--strength",
        "0.4",
        "--steps",
        "1",
        "--scenes",
        "4",
        "--recipe",
        "papo:gamma=0.1",
        "--verbose",
        "--page",
        "--port",
        "0",
        "--output",
        join(folder, "demo"),
      ],
      folder,
    );
    expect(again.code, again.output).toBe(0);
    expect(again.output).toMatch(
      /page: http:\/\/127\.0\.0\.1:\d+\/#token=[^]*  plugins: ShapesRewardPlugin, PriorProbePlugin, [^]*sampler and learner agree/,
    );
    expect(again.output).toMatch(
      /An answer is suggested before each question, right about 40 % of the training questions and 50 % of the unseen ones\./,
    );
    expect(existsSync(join(folder, "demo-2", "papo-grpo-gamma-0-1-1", "evaluation", "after"))).toBe(true);
    expect(again.output).toMatch(/ {2}start .* prior wrong [\d.]+ %/);
    expect(readFileSync(join(folder, "demo-2", "report.html"), "utf8")).toContain(
      "the prior right about 40.0 % of the training questions",
    );
  });

  test.each([
    [
      ["--recipe", "ppo"],
      '"ppo" is no recipe with settings for the embedded tasks; did you mean "papo"? there are grpo, grpo-tis, dapo, ',
    ],
    [["--recipe", "papo:gama=0.1"], 'unknown option "gama"; did you mean "gamma"?'],
    [["--steps", "0"], '--steps takes a whole number from 1, not "0"'],
    [
      ["--task", "shapes", "--strength", "0.5"],
      "--strength is of shortcut tasks: there is no prior in the task shapes",
    ],
    [["--mode", "both"], '--mode: there is no "both"; there are official, paper'],
    [["--speed", "9"], "--speed"],
  ])("%j is refused in a sentence", async (args, words) => {
    const { code, output } = await papo(["demo", ...args], folder);
    expect(code).toBe(1);
    expect(output).toContain(words);
    expect(output).not.toMatch(/^ {4}at /m);
  });
});
