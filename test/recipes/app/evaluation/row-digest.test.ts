import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fileDigest, type Row } from "@papo/core";
import type { Question } from "../../../../recipes/app/evaluation/question.ts";
import { changeOf, rowDigest } from "../../../../recipes/app/evaluation/row-digest.ts";
import { temporaryFolder } from "../../../support/bandit.ts";

const picture = join(temporaryFolder(), "a.png");
writeFileSync(picture, "pixels");
const row: Row = { id: "1", prompt: "How many?", system: null, images: [picture], answer: "2", fields: {} };
const question = { id: "1", question: row.prompt, gold: row.answer, digest: rowDigest(row, fileDigest) } as Question;

test("an answered question that is asked again is told by what it was changed in", () => {
  const change = (changes: Partial<Row>): string | null => changeOf({ ...row, ...changes }, question, fileDigest);
  expect(change({})).toBeNull();
  expect(change({ prompt: "How much?" })).toBe('its text is "How much?" now, and was "How many?"');
  expect(change({ answer: "3" })).toBe('its gold is "3" now, and was "2"');
  expect(change({ system: "Count." })).toBe("its pictures or the turns before it are others now");
  writeFileSync(picture, "others");
  expect(change({})).toBe("its pictures or the turns before it are others now");
  // Versions before wrote none.
  const { digest: _digest, ...earlier } = question;
  expect(changeOf(row, earlier, fileDigest)).toBeNull();
});
