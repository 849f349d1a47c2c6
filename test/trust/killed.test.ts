import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/bandit.ts";
import { weightsOf } from "./support.ts";

const script = fileURLToPath(new URL("./killed-child.ts", import.meta.url));

/** Exit code, or the signal that ended the child. */
async function run(output: string, every: number, kill: string): Promise<number | string> {
  const child = spawn(process.execPath, ["--import", "tsx", script, output, String(every), kill], { stdio: ["ignore", "inherit", "inherit"] });
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  return code ?? signal!;
}

/** Every file of a run by its path, times left out. */
function contents(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => statSync(join(folder, name)).isFile() && name !== "timings.jsonl");
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(folder, name), "base64")]));
}

test.each([1, 2])("the real model with papo(dapo()), killed in three places and resumed, ends byte-equal; a checkpoint every %i steps", async (every) => {
  const [killed, whole] = [temporaryFolder(), temporaryFolder()];
  expect(await run(whole, every, "never")).toBe(0);
  expect(await run(killed, every, "update:2")).toBe("SIGKILL");
  expect(await run(killed, every, "sampling:3")).toBe("SIGKILL");
  expect(await run(killed, every, "saving:3")).toBe("SIGKILL");
  expect(existsSync(weightsOf(killed, 3))).toBe(false);
  expect(await run(killed, every, "never")).toBe(0);
  const files = contents(whole);
  expect(Object.keys(files)).toEqual(expect.arrayContaining(["metrics.jsonl", "rewards/step-3.jsonl", "checkpoints/step-3/policy/model/model.safetensors", "checkpoints/step-3/policy/optimizer.safetensors"]));
  const resumed = contents(killed);
  for (const name of Object.keys(files)) expect(resumed[name] === files[name], name).toBe(true);
  expect(Object.keys(resumed)).toEqual(Object.keys(files));
  const metrics = readFileSync(join(whole, "metrics.jsonl"), "utf8").trim().split("\n").map((line) => (JSON.parse(line) as { metrics: Record<string, number> }).metrics);
  expect(metrics).toHaveLength(3);
  for (const step of metrics) expect(step).toMatchObject({ "learner/updates": 2, "learner/skipped_updates": 0 });
}, 120_000);
