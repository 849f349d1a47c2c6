import { expect, test } from "vitest";
import { papo, root } from "../../support/command-line.ts";

test("without a command, and with help, it lists every command", async () => {
  for (const args of [[], ["--help"]]) {
    const { code, output } = await papo(args, root);
    expect(code).toBe(0);
    for (const name of ["train", "sft", "demo", "start-model"]) expect(output).toContain(`  papo ${name} `);
  }
});

test("a command says what it takes", async () => {
  const { code, output } = await papo(["train", "run.ts", "--help"], root);
  expect(code).toBe(0);
  expect(output).toMatch(/^papo train run\.ts \[--resume\]\n\n.*\nCtrl-C ends after the current step/);
});

test("an unknown command is named, with the known ones, and exit code 2", async () => {
  const { code, output } = await papo(["fly"], root);
  expect(code).toBe(2);
  expect(output).toMatch(/papo: there is no command "fly"\n[^]*papo demo/);
});

test("an error is a message and exit code 1; --stack, wherever it stands, shows where it came from", async () => {
  const short = await papo(["train", "absent.ts"], root);
  expect(short.code).toBe(1);
  expect(short.output).toMatch(/^\npapo train: there is no run file .*absent\.ts\n$/);
  const long = await papo(["train", "--stack", "absent.ts"], root);
  expect(long.code).toBe(1);
  expect(long.output).toMatch(/there is no run file .*absent\.ts\n {4}at loadRunFile/);
});
