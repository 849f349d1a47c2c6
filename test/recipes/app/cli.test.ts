import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { main } from "../../../recipes/app/cli.ts";
import { papo, root } from "../../support/command-line.ts";
import { papoHere } from "../../support/papo-here.ts";

test("without a command, and with help, it lists every command", async () => {
  for (const run of [papo([], root), papoHere(["--help"])]) {
    const { code, output } = await run;
    expect(code).toBe(0);
    for (const name of ["train", "sft", "demo", "start-model"]) expect(output).toContain(`  papo ${name} `);
  }
});

test("a command says what it takes", async () => {
  const { code, output } = await papoHere(["train", "run.ts", "--help"]);
  expect(code).toBe(0);
  expect(output).toMatch(
    /^papo train <run\.ts> \[options\]\n\n[^]*Ctrl-C ends after the current step[^]*\nOptions:\n {2}--resume {3}/,
  );
});

test("an unknown command is named, with the known ones, and exit code 2", async () => {
  const { code, output } = await papo(["fly"], root);
  expect(code).toBe(2);
  expect(output).toMatch(/papo: there is no command "fly"\n[^]*papo demo/);
});

test("an error is a message and exit code 1; --stack, wherever it stands, shows where it came from", async () => {
  const short = await papoHere(["train", "absent.ts"]);
  expect(short.code).toBe(1);
  expect(short.output).toMatch(/^\npapo train: there is no run file .*absent\.ts\n$/);
  const long = await papo(["train", "--stack", "absent.ts"], root);
  expect(long.code).toBe(1);
  expect(long.output).toMatch(/there is no run file .*absent\.ts\n {4}at loadRunFile/);
});

test("the version is the package's", async () => {
  const { code, output } = await papoHere(["--version"]);
  expect([code, output]).toEqual([
    0,
    `papo ${(JSON.parse(readFileSync(join(root, "recipes/package.json"), "utf8")) as { version: string }).version}\n`,
  ]);
});

test("under --json mistakes in the arguments are an event too", async () => {
  const { code, output } = await papoHere(["train", "--json", "--nonsense"]);
  expect(code).toBe(1);
  const event: unknown = JSON.parse(output.split("\n").find((line) => line.startsWith("{")) ?? "null");
  expect(event).toMatchObject({
    event: "error",
    command: "train",
    message: expect.stringContaining("there is no option --nonsense") as string,
  });
});

test("mistakes in the arguments are told all at once, with what was meant and the usage", async () => {
  const { code, output } = await papoHere([
    "eval",
    "model",
    "rows.jsonl",
    "--sample",
    "3",
    "--top-p",
    "x",
    "--learning_rate",
    "1e-5",
  ]);
  expect(code).toBe(1);
  expect(output.trim().split("\n")).toEqual([
    "papo eval: there is no option --sample; did you mean --samples?",
    "there is no option --learning_rate; there are --samples, --temperature, --top-p, --top-k, --max-new-tokens, --seed, --category, --pictures, --output, --base, --environments, --compare, --columns, --split, --template, --benchmark, --quiet, --json",
    '--top-p takes a number from 0, not "x"',
    "usage: papo eval <model | adapter | checkpoint | run> <data> [options]",
    "       papo eval --compare <output | run> <output | run> [options]",
    "(papo eval --help says more)",
  ]);
});

test("those in --set and in the run file beside those of options", async () => {
  const run = join(root, "recipes/examples/run.ts");
  const { code, output } = await papoHere([
    "train",
    run,
    "--num_generations",
    "4",
    "--quiet",
    "--json",
    "--set",
    "settings.learningRat=1",
    "--set",
    "nothing=2",
  ]);
  expect(code).toBe(1);
  const said = (
    JSON.parse(output.split("\n").find((line) => line.startsWith("{")) ?? "{}") as { message: string }
  ).message.split("\n");
  expect(said).toEqual([
    expect.stringContaining("there is no option --num_generations; did you mean --set settings.samplesPerPrompt=…"),
    "--quiet and --json cannot both be given",
    expect.stringContaining('--set nothing=2: nothing is called "nothing"'),
    expect.stringContaining("--set settings.learningRat=1: "),
  ]);
  const sweep = await papoHere(["sweep", run, "--vary", "settings.steps=1", "--set", "nothing=2"]);
  expect(sweep.output).toMatch(/one value is none to vary.*\n.*nothing is called "nothing"/);
});

test.each([
  ["evaluate", "eval"],
  ["grpo", "train"],
  ["model_merger", "merge"],
  ["env", "doctor"],
  ["trian", "train"],
])("%s is known as %s", async (name, meant) => {
  const said = vi.spyOn(console, "error").mockReturnValue(undefined);
  expect(await main([name])).toBe(2);
  expect(String(said.mock.calls[0]![0])).toContain(`papo: there is no command "${name}"; did you mean "${meant}"?`);
  said.mockRestore();
});
