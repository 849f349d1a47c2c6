import { expect, test } from "vitest";
import { verifyAnswer } from "@papo/plugins";
import { goldenJson } from "./support.ts";
import type { Case } from "./verify-case.ts";

const cases = goldenJson<readonly Case[]>("verify.json") ?? [];
const kinds = [...new Set(cases.map(({ kind }) => kind))];

test.skipIf(cases.length === 0).each(kinds)("%s", (kind) => {
  const disagreements = cases.filter((one) => one.kind === kind && (verifyAnswer(one.gold, one.response).outcome === "right") !== (one.expected === 1));
  expect(disagreements).toEqual([]);
});

test.skipIf(cases.length === 0)("where it differs from math-verify, math-verify is not what the answer is by construction", () => {
  const differing = cases.filter((one) => (verifyAnswer(one.gold, one.response).outcome === "right") !== (one.math_verify === 1));
  expect(differing.length).toBeGreaterThan(0);
  for (const one of differing) expect(one.math_verify).not.toBe(one.expected);
});
