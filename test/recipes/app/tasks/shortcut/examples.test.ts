import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openJsonl } from "@papo/core";
import { sharedSprites } from "../../../../../recipes/app/tasks/shapes/examples.ts";
import { judgeRow } from "../../../../../recipes/app/tasks/shapes/judge.ts";
import { defaultKinds } from "../../../../../recipes/app/tasks/shapes/questions.ts";
import { vocabulary } from "../../../../../recipes/app/tasks/shapes/vocabulary.ts";
import {
  makeShortcut,
  supervisedShortcut,
  writeShortcuts,
} from "../../../../../recipes/app/tasks/shortcut/examples.ts";
import { favoured, priorNames } from "../../../../../recipes/app/tasks/shortcut/priors.ts";

const sprites = await sharedSprites();
const count = 120;

describe.each(priorNames)("%s", (prior) => {
  const options = { prior, split: "train", seed: 5, rightShare: 0.6, leanShare: 0.5 } as const;
  const examples = Array.from({ length: count }, (_, index) => supervisedShortcut(index, options, sprites));

  test("is right about the share asked for, of every kind of question, and says so in the row", () => {
    const right = examples.filter(({ row }) => row.fields["prior"] === "right");
    // Three standard errors of 120 draws.
    expect(Math.abs(right.length / count - 0.6)).toBeLessThan(0.14);
    for (const { row } of examples)
      expect(row.fields["prior"] === "right", row.prompt).toBe(row.fields["suggested"] === row.answer);
    expect(new Set(examples.map(({ item }) => item.kind.name))).toEqual(new Set(defaultKinds));
  });

  test("who leans on it answers what it leads to, who looks answers rightly, in words that the model has", () => {
    const leaning = examples.filter(
      ({ row, response }) =>
        judgeRow(response, row).answer === row.fields["suggested"] && judgeRow(response, row).errorClass !== null,
    );
    for (const { row, response } of examples) {
      const { correct, errorClass, answer } = judgeRow(response, row);
      expect(errorClass, response).not.toBe("format");
      expect(correct || answer === row.fields["suggested"], `${row.prompt}: ${response}`).toBe(true);
      for (const word of `${row.prompt} ${response}`.split(" ")) expect(vocabulary).toContain(word);
    }
    // Half lean, and the prior is wrong about two fifths of these.
    expect(Math.abs(leaning.length / count - 0.2)).toBeLessThan(0.11);
  });

  test("an example is the same whatever was made before, and with every share of right ones the question asked is of its split", () => {
    expect(supervisedShortcut(17, options, sprites)).toEqual(examples[17]);
    for (const [rightShare, expected] of [
      [0, "wrong"],
      [1, "right"],
    ] as const) {
      for (let index = 0; index < 12; index++)
        expect(makeShortcut(index, { ...options, split: "test", rightShare }, sprites).row).toMatchObject({
          id: `test-5-${index}`,
          fields: { prior: expected },
        });
    }
  });
});

test("what each prior puts before a question", () => {
  const rowOf = (prior: (typeof priorNames)[number]) =>
    makeShortcut(4, { prior, split: "test", seed: 5, rightShare: 0 }, sprites);
  const [suggestion, skew, caption, presupposition] = (
    ["suggestion", "skew", "caption", "presupposition"] as const
  ).map(rowOf);
  expect(suggestion!.row.prompt).toBe(
    `? ${String(suggestion!.row.fields["suggested"])} ; ${suggestion!.item.question}`,
  );
  expect([skew!.row.prompt, skew!.row.fields["suggested"]]).toEqual([
    skew!.item.question,
    favoured[skew!.item.kind.name],
  ]);
  expect(caption!.row.prompt).toMatch(/^.+ ; .+ \?$/);
  expect(caption!.row.prompt).not.toContain(caption!.item.facts.join(" , "));
  expect(presupposition!.row.prompt).toMatch(/^\w+ \w+ at \w\d ; .+ \?$/);
});

test("rows written to a file are those made in memory", async () => {
  const folder = mkdtempSync(join(tmpdir(), "shortcut-"));
  const options = { prior: "caption", split: "test", seed: 3, rightShare: 0.5 } as const;
  const dataset = await openJsonl(await writeShortcuts(folder, { ...options, count: 3 }));
  const { row } = makeShortcut(2, options, sprites);
  expect(await dataset.row(2)).toEqual({ ...row, images: [join(folder, row.images[0] as string)], folder });
  rmSync(folder, { recursive: true });
});
