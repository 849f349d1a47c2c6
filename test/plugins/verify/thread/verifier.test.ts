import { createHost, makeSample } from "@papo/core/testing";
import { MathRewardPlugin, Verifier } from "@papo/plugins";
import { afterAll, expect, test } from "vitest";

const verifier = new Verifier();
afterAll(() => verifier.close());

test("gives what the same question gives in this thread, in any number at once", async () => {
  const verdicts = await Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      verifier.verify(String(index), `\\boxed{${index % 2 === 0 ? index : -1}}`),
    ),
  );
  expect(verdicts.map(({ outcome }) => outcome)).toEqual(
    verdicts.map((_, index) => (index % 2 === 0 ? "right" : "wrong")),
  );
});

test("a question that takes too long is late, and those behind it are answered by a new thread", async () => {
  // Shorter than a thread can answer anything that is not ready before the clock runs out.
  const hasty = new Verifier({ limit: 0.001 });
  const long = `\\boxed{\\{${Array.from({ length: 900 }, (_, i) => `\\sqrt{${i}}`).join(",")}\\}}`;
  const outcomes = await Promise.all([hasty.verify(long.slice(7, -1), long), hasty.verify("x^3+2", "\\boxed{2+x^4}")]);
  expect(outcomes.map(({ outcome }) => outcome)).toContain("late");
  await hasty.close();
  expect((await verifier.verify("1", "\\boxed{1}")).outcome).toBe("right");
});

test("the reward's note tells right, wrong, unreadable and none apart", async () => {
  const host = createHost([new MathRewardPlugin()], { seed: 1 });
  const scorer = host.scorers.get("accuracy")!;
  const notes = ["\\boxed{\\frac12}", "\\boxed{2}", "\\boxed{@}", "I do not know."].map(async (text) =>
    scorer.score(makeSample({ text, answer: "0.5" }), AbortSignal.timeout(5000)),
  );
  expect(await Promise.all(notes)).toEqual([
    { value: 1, note: "right: \\frac12" },
    { value: 0, note: "wrong: 2 instead of 0.5" },
    { value: 0, note: "unreadable: @ instead of 0.5" },
    { value: 0, note: "no answer" },
  ]);
});
