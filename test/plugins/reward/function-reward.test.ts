import { createHost } from "@papo/core";
import { makeSample } from "@papo/core/testing";
import { FunctionRewardPlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";

describe("FunctionRewardPlugin", () => {
  it("registers each function under its name, with defaults", async () => {
    const { scorers } = createHost(
      [
        new FunctionRewardPlugin(
          { name: "short", score: ({ response }) => -response.tokens.length },
          { name: "constant", score: () => 1, weight: 0.5, onFailure: 0 },
        ),
      ],
      { seed: 1 },
    );
    expect([...scorers.keys()]).toEqual(["short", "constant"]);
    expect(scorers.get("short")).toMatchObject({ weight: 1, timeoutSeconds: 60, onFailure: "stop" });
    expect(await scorers.get("short")!.score(makeSample({ length: 4 }), AbortSignal.timeout(1000))).toBe(-4);
    expect(scorers.get("constant")).toMatchObject({ weight: 0.5, onFailure: 0 });
  });

  it("says what is wrong", () => {
    expect(() => new FunctionRewardPlugin()).toThrow("FunctionRewardPlugin: no reward is given");
    expect(() => new FunctionRewardPlugin({ name: "x", score: 3 as never })).toThrow(
      'FunctionRewardPlugin: the option "score" is 3, allowed is a function',
    );
    expect(() => new FunctionRewardPlugin({ name: "x", score: () => 1, onFailure: "skip" as never })).toThrow(
      'the option "onFailure" is "skip"',
    );
  });
});
