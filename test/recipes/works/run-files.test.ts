import { createHost, openJsonl } from "@papo/core";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { loadRunFile } from "../../../recipes/run-file/run-file.ts";
import { writeDrawnRows } from "../../../recipes/works/drawn-rows.ts";
import { isRight } from "../../../recipes/works/rewards.ts";
import type { Scorable } from "@papo/core";

const fileOf = (name: string): string => fileURLToPath(new URL(`../../../recipes/works/${name}.ts`, import.meta.url));

test.each([
  "moo/run",
  "moo/alone",
  "fair-reason/run",
  "r2rec/run",
  "r2rec/supervised",
  "seed-bench-r1/run",
  "seed-bench-r1/supervised",
  "rl-of-thoughts/run",
  "rl-of-thoughts/supervised",
])("%s is a run file", async (name) => {
  const { plugins, settings } = await loadRunFile(fileOf(name));
  const { scorers } = createHost(plugins, { seed: 1 });
  expect(scorers.size > 0).toBe(!name.endsWith("supervised"));
  expect(settings!.steps).toBeGreaterThan(20);
});

test("the mix of FairReason is varied by its weights", async () => {
  const { data } = await loadRunFile(fileOf("fair-reason/run"), { set: ["data.0.weight=0", "data.1.weight=1"] });
  expect(data).toMatchObject([{ weight: 0 }, { weight: 1 }]);
});

test("an answer is right in the box alone, at the end", () => {
  const right = (text: string): number =>
    isRight({ prompt: { row: { answer: "a3" } }, response: { text } } as unknown as Scorable);
  expect([
    right("<think> </think> \\boxed{ a3 }"),
    right("<think> </think> \\boxed{ a1 }"),
    right("\\boxed{ a3 } a1"),
    right("a3"),
  ]).toEqual([1, 0, 0, 0]);
});

test("drawn rows are read back with a picture for each scene", async () => {
  const folder = mkdtempSync(join(tmpdir(), "works-"));
  const scene = (cell: string) =>
    ({ grid: { rows: 2, columns: 3 }, objects: [{ cell, colour: "red", symbol: "circle" }] }) as const;
  await writeDrawnRows(join(folder, "rows.jsonl"), [
    { id: "r", prompt: "what ?", answer: "a2", scenes: [scene("a1"), scene("a2")], columns: { response: "a2" } },
  ]);
  const row = await (await openJsonl(join(folder, "rows.jsonl"))).row(0);
  expect(row).toMatchObject({
    id: "r",
    prompt: "what ?",
    answer: "a2",
    fields: { response: "a2" },
    images: [join(folder, "pictures/r-0.png"), join(folder, "pictures/r-1.png")],
  });
  rmSync(folder, { recursive: true });
});
