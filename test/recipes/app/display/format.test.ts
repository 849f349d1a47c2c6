import { describe, expect, it } from "vitest";
import {
  bar,
  colours,
  cutTo,
  duration,
  foldTo,
  oneLine,
  percent,
  phaseText,
  plain,
  runBlock,
  runLine,
  shortNumber,
  sparkline,
} from "../../../../recipes/app/display/format.ts";
import type { RunProgress } from "../../../../recipes/app/display/format.ts";

const progress: RunProgress = {
  name: "papo(grpo)",
  step: 20,
  steps: 60,
  metrics: {
    "reward/mean": 0.7123,
    "reward/part/accuracy": 0.6875,
    "papo/perception_kl": 0.41,
    "rollout/entropy": 0.523,
    "papo/entropy_masked": 1.021,
    "rollout/length": 14.23,
    "learner/gradient_norm": 0.83,
    "timing/tokens_per_second": 4210.4,
    "policy/clip_high": 0.0123,
    "ledger/papo/perception_kl/weighted": -0.0041,
  },
  rewards: [0.4, 0.5, 0.6, 0.7123],
  secondsPerStep: 1.21,
  responses: 57,
  alarms: ["step 12, GuardPlugin: entropy falls"],
};

describe("numbers", () => {
  it("have three significant digits or so", () => {
    expect([0.7123, 14.23, 1.021, 4210.4, 0, -0.05, 2e-6, Number.NaN].map(shortNumber)).toEqual([
      "0.712",
      "14.2",
      "1.02",
      "4,210",
      "0.000",
      "-0.050",
      "2.0e-6",
      "NaN",
    ]);
  });

  it("as shares are per cent", () => {
    expect([0.5234, 1].map(percent)).toEqual(["52.3 %", "100.0 %"]);
  });

  it("of time are in the unit that fits", () => {
    expect([0.4, 43, 59.7, 125, 3599, 3780, 7199].map(duration)).toEqual([
      "0 s",
      "43 s",
      "1 min 00 s",
      "2 min 05 s",
      "59 min 59 s",
      "1 h 03 min",
      "2 h 00 min",
    ]);
  });
});

describe("sparkline", () => {
  it("spans lowest to highest", () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 20)).toBe("▁▂▃▄▅▆▇█");
    expect(sparkline([1, 1, 1], 20)).toBe("▄▄▄");
  });

  it("averages neighbours when there are more values than columns", () => {
    expect(sparkline([0, 2, 7, 9], 2)).toBe("▁█");
    expect([
      ...sparkline(
        Array.from({ length: 1000 }, (_, at) => at),
        40,
      ),
    ]).toHaveLength(40);
  });

  it("is empty without values, and leaves out what is not a number", () => {
    expect(sparkline([], 10)).toBe("");
    expect(sparkline([0, Number.NaN, 1], 10)).toBe("▁█");
  });
});

it("bars fill by share", () => {
  expect([bar(0, 4, 8), bar(2, 4, 8), bar(9, 4, 8), bar(0, 0, 2)]).toEqual(["░░░░░░░░", "████░░░░", "████████", "░░"]);
});

it("phases show per cent where there is a total", () => {
  expect(phaseText("evaluating 1,000 scenes", 437, 1000)).toBe("evaluating 1,000 scenes 43 %");
  expect(phaseText("drawing pictures", 1200, null)).toBe("drawing pictures 1,200");
});

it("foreign text cannot move the cursor or take a second line", () => {
  expect(oneLine("a\u001b[2Jb\r\nc\u202ed\u2028e")).toBe("a [2Jb c d e");
  expect(oneLine("  indented \n")).toBe("  indented");
});

describe("a run", () => {
  it("is a block of lines on a terminal", () => {
    expect(runBlock(progress, plain)).toEqual([
      "papo(grpo)  step 20/60  ████████░░░░░░░░░░░░░░░░  1.21 s/step  ETA 48 s  57 responses",
      "  reward 0.712  ▁▃▅█  accuracy 0.688",
      "  KL_prcp 0.410  entropy 0.523  masked entropy 1.02",
      "  length 14.2  clip-high 0.012  |gradient| 0.830  4,210 tokens/s",
      "  ! step 12, GuardPlugin: entropy falls",
    ]);
  });

  it("is one line in a log", () => {
    expect(runLine(progress)).toBe(
      "papo(grpo) step 20/60: reward 0.712, accuracy 0.688, KL_prcp 0.410, entropy 0.523, masked entropy 1.02, length 14.2, clip-high 0.012, |gradient| 0.830, 4,210 tokens/s, ETA 48 s",
    );
  });

  it("leaves out what it does not have", () => {
    const bare: RunProgress = {
      ...progress,
      metrics: { other: 1 },
      rewards: [],
      secondsPerStep: null,
      responses: 0,
      alarms: [],
    };
    expect(runBlock(bare, plain)).toEqual(["papo(grpo)  step 20/60  ████████░░░░░░░░░░░░░░░░  ETA –"]);
  });
});

it("lines are cut by what is visible, colours closed", () => {
  expect(cutTo(`${colours.bold("abc")}def`, 4)).toBe("\u001b[1mabc\u001b[0md");
  expect(cutTo(colours.bold("abcdef"), 2)).toBe("\u001b[1mab\u001b[0m");
});

it("a line that is wider than the screen breaks between words, colour codes count nothing", () => {
  expect(foldTo("  one two three", 20)).toEqual(["  one two three"]);
  expect(foldTo("  one two  three", 10)).toEqual(["  one two", "    three"]);
  expect(foldTo("\u001b[1mone\u001b[22m two", 7)).toEqual(["\u001b[1mone\u001b[22m two"]);
  expect(foldTo("a wordThatIsTooLong b", 6)).toEqual(["a", "  wordThatIsTooLong", "  b"]);
});
