import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/bandit.ts";
import { runScript } from "../support/command-line.ts";

const script = fileURLToPath(new URL("./child.ts", import.meta.url));

/** Exit code, or the signal that ended the child. */
async function run(output: string, kill: string): Promise<number | string> {
  const child = spawn(process.execPath, [runScript, script, output, kill], { stdio: ["ignore", "inherit", "inherit"] });
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  return code ?? signal!;
}

/** Every file of a run by its path, times left out. */
function contents(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (name) => statSync(join(folder, name)).isFile() && name !== "timings.jsonl",
  );
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(folder, name), "base64")]));
}

test("a run killed while scoring, while updating and while saving ends byte-equal to one that was left alone", async () => {
  const [killed, whole] = [temporaryFolder(), temporaryFolder()];
  const alone = run(whole, "never");
  expect(await run(killed, "scoring:3")).toBe("SIGKILL");
  const cut = readFileSync(join(killed, "rewards", "step-3.jsonl"), "utf8")
    .trim()
    .split("\n");
  expect(cut.length).toBeGreaterThan(0);
  expect(cut.length).toBeLessThan(24);
  expect(await run(killed, "update:6")).toBe("SIGKILL");
  expect(await run(killed, "save:8")).toBe("SIGKILL");
  expect(existsSync(join(killed, "checkpoints", "step-8"))).toBe(false);
  expect(await run(killed, "never")).toBe(0);
  // What a kill leaves of an old checkpoint that was being removed after the last step.
  const part = join(killed, "checkpoints", "step-2", "policy");
  mkdirSync(part, { recursive: true });
  writeFileSync(join(part, "weights.json"), "{}");
  expect(await run(killed, "never")).toBe(0);
  expect(await alone).toBe(0);
  const files = contents(whole);
  expect(Object.keys(files)).toEqual(
    expect.arrayContaining(["metrics.jsonl", "rewards/step-12.jsonl", "checkpoints/step-12/policy/weights.json"]),
  );
  expect(contents(killed)).toEqual(files);
}, 120_000);
