/** Mistakes of terms of the loss and of their weights. */
import { add, mul, ones, tensor2d, type Tensor2D } from "@tensorflow/tfjs-core";
import { describe, expect, it, test } from "vitest";
import { PluginError } from "../../../../core/messages/plugin-error.ts";
import { detach } from "../../../../core/math/elementwise.ts";
import type { Minibatch } from "../../../../core/contracts/step/batch.ts";
import type { Run } from "../../../../core/contracts/plugin.ts";
import { lossOf, type MinibatchInput } from "../../../../core/testing.ts";
import { TapPlugin } from "../../../support/bandit.ts";
import { term } from "../../../support/hook-mistakes.ts";

describe("a term", () => {
  type Changes = (batch: Minibatch, run: Run) => object;
  const lossWith =
    (changes: object | Changes): (() => number) =>
    () =>
      lossOf(
        [
          new TapPlugin((run) => {
            const gamma = run.coefficient("own", 2);
            run.hooks.terms.tap(
              "TapPlugin",
              (terms, batch) =>
                [
                  ...terms,
                  term(
                    batch,
                    typeof changes === "function"
                      ? (changes as Changes)(batch, { ...run, coefficient: () => gamma })
                      : changes,
                  ),
                ] as never,
            );
          }),
        ],
        { logProbs: [[-1, -3]] },
      ).loss;

  it.each([
    ["without a name", { name: undefined }, "a term whose name is nothing; name it"],
    ["with an empty name", { name: " " }, 'a term whose name is the text " "'],
    [
      "with the sign 3",
      { sign: 3 },
      'the term "mine" with the sign 3; 1 is minimised, -1 maximised, and a factor is a coefficient',
    ],
    [
      "with a number as coefficient",
      { coefficient: 0.5 },
      'the term "mine" with the coefficient 0.5; it is what coefficient("mine", 0.5) gives in apply',
    ],
    [
      "with a coefficient of its own making",
      { coefficient: { name: "c", value: 1 } },
      'the term "mine" with the coefficient { name: "c", value: 1 }; it is what coefficient("mine", 1) gives',
    ],
    [
      "with a wrong reduction",
      { reduction: "tokenmean" },
      'the reduction the text "tokenmean": did you mean "token_mean"?',
    ],
    ["without a reduction", { reduction: undefined }, "the reduction nothing: there are token_mean, sequence_mean"],
    [
      "with a misspelt field",
      { coeficient: 1 },
      'the term "mine" with the field "coeficient", which means nothing: did you mean "coefficient"?',
    ],
    ["with numbers as value", { value: [[1, 2]] }, 'the term "mine" with [[…]] as its value'],
    [
      "reduced already",
      ({ logProbs }: Minibatch) => ({ value: logProbs.mean() }),
      'the term "mine" with the shape [] instead of [1,2] as its value in step 1; terms are unreduced',
    ],
    [
      "of integers",
      ({ logProbs }: Minibatch) => ({ value: logProbs.toInt() }),
      "an int32 tensor [1,2]; .toFloat() makes it float32",
    ],
    [
      "of NaN",
      ({ logProbs }: Minibatch) => ({ value: mul(logProbs, tensor2d([[1, NaN]])) }),
      'the term "mine" with NaN for sample 0, token 1 as its value',
    ],
  ])("%s", (_name, changes, message) => {
    expect(lossWith(changes)).toThrow(PluginError);
    expect(lossWith(changes)).toThrow(message);
    expect(lossWith(changes)).toThrow(/^TapPlugin failed in hook "terms": .*; return the terms received with yours/);
  });

  it("that is right", () => {
    expect(lossWith((_batch, { coefficient }) => ({ coefficient: coefficient("own", 2), sign: -1 }))()).toBe(4);
  });

  it("that was received and is not returned", () => {
    class ObjectivePlugin extends TapPlugin {
      override readonly name = "ObjectivePlugin" as never;
    }
    const objective = new ObjectivePlugin(({ hooks }) =>
      hooks.terms.tap("ObjectivePlugin", (terms, batch) => [
        ...terms,
        { name: "policy", value: batch.logProbs, reduction: "token_mean" },
      ]),
    );
    const forgets = new TapPlugin(({ hooks }) =>
      hooks.terms.tap("TapPlugin", (_terms, batch) => [
        { name: "mine", value: batch.logProbs, reduction: "token_mean" },
      ]),
    );
    expect(() => lossOf([objective, forgets], { logProbs: [[-1]] })).toThrow(
      'TapPlugin failed in hook "terms": it returned the terms "mine" without "policy", which it received; return the terms received with yours',
    );
  });

  it("that compares what is trained, where nothing has a slope", () => {
    expect(lossWith(({ logProbs }) => ({ value: logProbs.greater(-2).toFloat() }))).toThrow(
      /TapPlugin gave the term "mine", which cannot be differentiated: .*Greater.* Put detach\(…\) around/,
    );
  });
});

describe("weights", () => {
  const input: MinibatchInput = {
    logProbs: [
      [-1, -3],
      [-2, -4],
    ],
  };
  const weighing =
    (weights: (batch: Minibatch) => Tensor2D, rows = input) =>
    () =>
      lossOf(
        [
          new TapPlugin(({ hooks }) => {
            hooks.terms.tap("TapPlugin", (terms, batch) => [
              ...terms,
              { name: "policy", value: batch.logProbs, reduction: "token_mean" },
            ]);
            hooks.weights.tap("TapPlugin", (_ones, { batch }) => weights(batch));
          }),
        ],
        rows,
      );

  it("that were computed from what is trained", () => {
    for (const undetached of [
      ({ logProbs }: Minibatch) => mul<Tensor2D>(logProbs, -1),
      ({ logProbs }: Minibatch) => add<Tensor2D>(logProbs.less(-1.5).toFloat(), 1),
    ]) {
      expect(weighing(undetached)).toThrow(
        /^TapPlugin failed in hook "weights": it returned weights of the term "policy" that were computed from what is being trained, .*put detach\(…\) around/,
      );
    }
    expect(weighing(({ logProbs }) => mul<Tensor2D>(detach(logProbs), -1))().loss).toBeCloseTo(-30 / 4, 6);
  });

  it.each([
    ["[1, 1]", [1, 1]],
    ["[1, T]", [1, 2]],
    ["[T, B]", [2, 3]],
    ["[B]", [2]],
  ] as const)("of the shape %s", (_name, shape) => {
    expect(weighing(() => ones(shape as unknown as [number, number]))).toThrow(
      /it returned the shape \[.*\] instead of \[2,2\] or \[2,1\] as weights of the term "policy", after_clip; return a float32 tensor \[B, T\] or \[B, 1\]/,
    );
  });

  it("that are NaN outside of the mask alone are fine", () => {
    expect(
      weighing(
        () =>
          tensor2d([
            [1, 1],
            [1, NaN],
          ]),
        {
          ...input,
          mask: [
            [1, 1],
            [1, 0],
          ],
        },
      )().loss,
    ).toBe(-2);
  });
});

test("NaN is blamed on the plugin that made it, not on the one that met it", () => {
  class SecondPlugin extends TapPlugin {
    override readonly name = "SecondPlugin" as never;
  }
  const objective = new SecondPlugin(({ hooks }) => {
    hooks.advantages.tap("SecondPlugin", (advantages) => mul(advantages, 2));
    hooks.terms.tap("SecondPlugin", (terms, batch) => [
      ...terms,
      { name: "policy", value: mul(batch.logProbs, batch.weights("policy", "before_clip")), reduction: "token_mean" },
    ]);
  });
  const broken = (apply: (run: Run) => void) => () =>
    lossOf([new TapPlugin(apply), objective], { logProbs: [[-1]], rewards: [1] });
  expect(broken(({ hooks }) => hooks.advantages.tap("TapPlugin", (zero) => mul(zero, NaN)))).toThrow(
    /^TapPlugin failed in hook "advantages": it returned NaN for sample 0, token 0/,
  );
  expect(broken(({ hooks }) => hooks.weights.tap("TapPlugin", () => tensor2d([[Infinity]])))).toThrow(
    /^TapPlugin failed in hook "weights": it returned Infinity for sample 0, token 0 as weights of the term "policy", before_clip/,
  );
  expect(
    broken(({ hooks, coefficient }) => {
      coefficient("c", 1);
      hooks.coefficient.tap("TapPlugin", () => NaN);
    }),
  ).toThrow('TapPlugin failed in hook "coefficient": it returned NaN; return a finite number');
});
