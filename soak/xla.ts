/**
 * What is tested on OpenXLA and takes longer than the minute of `.ci/xla`: all of it, and signals to runs whose thread
 * owns the library.
 */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { xlaSetup } from "@papo/core";
import { root, run, tally, type Result } from "./part.ts";
import { codes } from "./signals.ts";
import { runCommand, type ChildOutcome, type Sent } from "./smallest/child.ts";
import { contents, differences } from "./smallest/contents.ts";

export async function xla(): Promise<readonly Result[]> {
  if (xlaSetup() === null && run("npx", ["--no-install", "papo", "setup", "xla"]) !== 0)
    return [{ tried: "papo setup xla", found: "it could not be installed", held: false }];
  const tests = [
    "vitest",
    "run",
    "test/golden",
    "test/core",
    "test/contract",
    "-t",
    "OpenXLA|papo setup xla",
    "--testTimeout",
    "3600000",
    "--hookTimeout",
    "3600000",
  ];
  const status = run("npx", ["--no-install", ...tests]);
  return [{ tried: "every test on OpenXLA", found: `exit code ${status}`, held: status === 0 }, await stopped()];
}

/**
 * Signals while weights are updated and while a wave is sampled: the code of the signal, a checkpoint, no lock;
 * resumed, the run ends as one that was left alone.
 */
async function stopped(): Promise<Result> {
  const folder = join(root, "runs/soak/xla");
  rmSync(folder, { recursive: true, force: true });
  const train = (output: string, more: readonly string[] = [], sent: readonly Sent[] = []): Promise<ChildOutcome> => {
    const words = [
      "train",
      join(root, "soak/smallest/run-file.ts"),
      "--set",
      "settings.executor=xla",
      "--output",
      output,
      ...more,
    ];
    return runCommand(words, { env: { SOAK_PRESET: "papo-d", SOAK_STEPS: "3" }, sent });
  };
  const whole = join(folder, "whole");
  const alone = await train(whole);
  if (alone.ended !== 0)
    return {
      tried: "a run on OpenXLA",
      found: `it ended with ${alone.ended}: ${alone.output.slice(-300)}`,
      held: false,
    };
  const losses: string[] = [];
  const faults = (["SIGINT", "SIGTERM"] as const).flatMap((signal) =>
    (["update", "rollout"] as const).map((phase) => ({ signal, phase })),
  );
  for (const { signal, phase } of faults) {
    const output = join(folder, `${signal}-${phase}`);
    // In the second step: the first has left a checkpoint.
    const { ended, output: said } = await train(
      output,
      ["--stop-within", "600"],
      [{ signal, after: new RegExp(`at checkpoint[^]*at ${phase}`), milliseconds: 20 }],
    );
    const wrong = [
      ...(ended === codes[signal] ? [] : [`it ended with ${ended}: ${said.slice(-300)}`]),
      ...(/\n {4}at |terminate called|Napi/.test(said) ? [`it said ${said.slice(-300)}`] : []),
      ...(existsSync(join(output, "lock.json")) ? ["its lock stands"] : []),
      ...(existsSync(join(output, "checkpoints")) ? [] : ["there is no checkpoint"]),
    ];
    if (wrong.length === 0) {
      const again = await train(output, ["--resume"]);
      const odd =
        again.ended === 0 ? differences(contents(whole), contents(output)) : [`going on ended with ${again.ended}`];
      if (odd.length > 0) wrong.push(odd.slice(0, 6).join(", "));
    }
    console.log(`   ${signal} at ${phase}: ended with ${ended}${wrong.length === 0 ? "" : `; ${wrong.join("; ")}`}`);
    losses.push(...wrong.map((what) => `${signal} at ${phase}: ${what}`));
  }
  return tally("signals to runs on OpenXLA", faults.length, losses);
}
