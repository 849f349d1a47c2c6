import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runScript } from "../support/command-line.ts";
import { newFolder, removeFolders, weightsOf } from "./support.ts";

afterAll(removeFolders);

const script = fileURLToPath(new URL("./killed-child.ts", import.meta.url));

/** Exit code, or the signal that ended the child. */
async function run(output: string, every: number, kill: string): Promise<number | string> {
  const child = spawn(process.execPath, [runScript, script, output, String(every), kill], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  return code ?? signal!;
}

/** Every file of a run by its path, without times, and without what tells how often checkpoints were made. */
function contents(folder: string): Record<string, string> {
  const told = /^timings\.jsonl$|^run\.json$|^checkpoints\/(?!step-3\/policy\/)/;
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (name) => statSync(join(folder, name)).isFile() && !told.test(name),
  );
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(folder, name), "base64")]));
}

const whole = newFolder();
beforeAll(async () => {
  expect(await run(whole, 1, "never")).toBe(0);
});

test("the run that nobody kills takes two updates in each of three steps", () => {
  const metrics = readFileSync(join(whole, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { metrics: Record<string, number> }).metrics);
  expect(metrics).toHaveLength(3);
  for (const step of metrics) expect(step).toMatchObject({ "learner/updates": 2, "learner/skipped_updates": 0 });
});

test.each([
  { every: 1, kills: ["update:2", "saving:3"] },
  { every: 2, kills: ["update:2", "sampling:3"] },
])(
  "the real model with papo(dapo()) and a checkpoint every $every steps, killed at $kills and resumed, ends byte-equal",
  async ({ every, kills }) => {
    const killed = newFolder();
    for (const kill of kills) expect(await run(killed, every, kill)).toBe("SIGKILL");
    expect(existsSync(weightsOf(killed, 3))).toBe(false);
    expect(await run(killed, every, "never")).toBe(0);
    const [files, resumed] = [contents(whole), contents(killed)];
    expect(Object.keys(files)).toEqual(
      expect.arrayContaining([
        "metrics.jsonl",
        "rewards/step-3.jsonl",
        "checkpoints/step-3/policy/model/model.safetensors",
        "checkpoints/step-3/policy/optimizer.safetensors",
      ]),
    );
    expect(Object.keys(resumed)).toEqual(Object.keys(files));
    for (const name of Object.keys(files)) expect(resumed[name] === files[name], name).toBe(true);
  },
  120_000,
);
