import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { verify } from "../../../../recipes/app/commands/verify.ts";
import { temporaryFolder } from "../../../support/bandit.ts";

async function run(cases: unknown): Promise<string[]> {
  const file = join(temporaryFolder(), "cases.json");
  writeFileSync(file, JSON.stringify(cases));
  const lines: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(line));
  await verify.run(["--cases", file]).finally(() => log.mockRestore());
  return lines;
}

test("prints every disagreement, and counts on its last line", async () => {
  const lines = await run([
    { gold: "1/2", response: "\\boxed{0.5}", expected: 1 },
    { gold: "1/2", response: "\\boxed{0.5}", expected: 0 },
    { gold: "\\pi", response: "\\boxed{3.14}", expected: 1 },
    { gold: 7, response: "I do not know", expected: 0 },
  ]);
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatch(/^case 1: accepted, expected 0; gold "1\/2", answer "0.5"$/);
  expect(lines[1]).toMatch(/^case 2: rejected \(wrong\), expected 1/);
  expect(JSON.parse(lines[2]!)).toEqual({ total: 4, agree: 2, falseAccepts: 1, falseRejects: 1 });
});

test("says what is wrong with a file of cases", async () => {
  await expect(run([{ gold: "1", expected: 1 }])).rejects.toThrow(/cases\.json is no list of .*0\.response/);
  await expect(verify.run([])).rejects.toThrow("--cases <cases.json> is missing");
});
