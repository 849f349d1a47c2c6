import { expect, test } from "vitest";
import { command, textCommand, UsageError } from "../../../../recipes/app/command-line/command.ts";
import "../../../../recipes/run-file/peers/advice.ts";

const options = {
  resume: { kind: "flag", text: "Go on." },
  set: { kind: "text", many: true, text: "Set." },
  output: { kind: "text", value: "<folder>", required: true, text: "Where." },
  steps: { kind: "count", default: 3, text: "How many." },
  rate: { kind: "number", least: 0, text: "How fast." },
  type: { kind: "choice", choices: ["float32", "bfloat16"], default: "float32", text: "Which." },
  pictures: { kind: "list", choices: ["real", "blank"], default: "real", text: "Which pictures." },
} as const;

/** What the command is given, or the mistakes. */
async function given(...args: string[]): Promise<unknown> {
  let found: unknown = null;
  const made = textCommand({
    name: "try",
    forms: ["<file>"],
    summary: ["Try."],
    options,
    positionals: [1, 1],
    run: (all) => void (found = all),
  });
  try {
    await made.run(args);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message.split("\n");
  }
  return found;
}

test("values are typed, defaults filled in, the last of several counts where one may be given", async () => {
  const values = {
    resume: true,
    set: ["a=1", "b=--2"],
    output: "out",
    steps: 5,
    rate: 1e-5,
    type: "bfloat16",
    pictures: ["real", "blank"],
  };
  expect(
    await given(
      "run.ts",
      "--resume",
      "--set",
      "a=1",
      "--set=b=--2",
      "--output",
      "x",
      "--output=out",
      "--steps",
      "5",
      "--rate",
      "1e-5",
      "--type",
      "bfloat16",
      "--pictures",
      "real, blank",
    ),
  ).toEqual({ values, positionals: ["run.ts"] });
  expect(await given("--output", "-", "run.ts")).toEqual({
    values: { resume: false, set: [], output: "-", steps: 3, rate: undefined, type: "float32", pictures: ["real"] },
    positionals: ["run.ts"],
  });
});

test.each([
  [["run.ts"], ["--output <folder> is missing"]],
  [["--output", "o"], ["something is missing: papo try takes <file>"]],
  [["a", "b", "c", "--output", "o"], ['"b c" is too much: papo try takes <file>']],
  [
    ["a", "--output"],
    ["--output needs a value: --output <folder>", "--output <folder> is missing"],
  ],
  [
    ["a", "--output", "--resume"],
    ["--output needs a value: --output <folder>", "--output <folder> is missing"],
  ],
  [["a", "--output", "o", "--resume=yes"], ['--resume takes no value, and is given "yes"']],
  [
    ["a", "--output", "o", "--steps", "0", "--rate", "-1"],
    ['--steps takes a whole number from 1, not "0"', '--rate takes a number from 0, not "-1"'],
  ],
  [
    ["a", "--output", "o", "--steps", "2.5", "--rate", ""],
    ['--steps takes a whole number from 1, not "2.5"', '--rate takes a number from 0, not ""'],
  ],
  [
    ["a", "--output", "o", "--type", "bfloat"],
    ['--type: there is no "bfloat"; did you mean "bfloat16"? there are float32, bfloat16'],
  ],
  [["a", "--output", "o", "--pictures", "blank,gone"], ['--pictures: there is no "gone"; there are real, blank']],
  [
    ["a", "--output", "o", "--step", "2", "--outptu", "p"],
    ["there is no option --step; did you mean --steps?", "there is no option --outptu; did you mean --output?"],
  ],
  [
    ["a", "--output", "o", "--max_grad_norm", "2", "--beta=0.1"],
    [
      "there is no option --max_grad_norm; did you mean --set settings.optimizer.maxGradientNorm=… (max_grad_norm of TRL and EasyR1)?",
      "there is no option --beta; did you mean --set plugins.ReferenceKlPlugin.coefficient=… (beta of TRL)?",
    ],
  ],
  [["a", "--output", "o", "--constructor"], [expect.stringMatching(/^there is no option --constructor/)]],
  [["a", "--output", "o", "-x"], [expect.stringMatching(/^there is no option -x; there are --resume, /)]],
])("%j is refused", async (args, mistakes) => {
  expect(await given(...args)).toEqual(mistakes);
});

test("what follows two dashes is no option", async () => {
  expect(await given("--output", "o", "--", "--file")).toMatchObject({ positionals: ["--file"] });
});

test("a command with a display takes --quiet or --json, not both", async () => {
  const made = command({
    name: "try",
    forms: [""],
    summary: ["Try."],
    options: {},
    positionals: [0, 0],
    run: () => Promise.resolve(7),
  });
  expect(Object.keys(made.options)).toEqual(["quiet", "json"]);
  expect(await made.run(["--quiet"])).toBe(7);
  await expect(made.run(["--quiet", "--json"])).rejects.toThrow("--quiet and --json cannot both be given");
});
