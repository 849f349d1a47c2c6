import { describe, expect, test } from "vitest";
import { verifyAnswer } from "@papo/plugins";
import { goldenJson } from "./support.ts";
import type { Case } from "./verify-case.ts";

/** Answers in a box, and whole responses. */
describe.each(["verify.json", "verify-responses.json"])("%s", (file) => {
  const cases = goldenJson<readonly Case[]>(file) ?? [];
  const kinds = [...new Set(cases.map(({ kind }) => kind))];
  const accepts = ({ gold, response, choices }: Case): boolean =>
    verifyAnswer(gold, response, choices).outcome === "right";

  test.skipIf(cases.length === 0).each(kinds)("%s", (kind) => {
    const disagreements = cases.filter((one) => one.kind === kind && accepts(one) !== (one.expected === 1));
    expect(disagreements).toEqual([]);
  });

  test.skipIf(cases.length === 0)(
    "where it differs from math-verify, math-verify is not what the answer is by construction",
    () => {
      const differing = cases.filter((one) => accepts(one) !== (one.math_verify === 1));
      expect(differing.length).toBeGreaterThan(0);
      for (const one of differing) expect(one.math_verify).not.toBe(one.expected);
    },
  );
});
