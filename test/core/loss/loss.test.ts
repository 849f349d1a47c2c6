import { memory, mul, sqrt, square, sub, tensor2d } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import type { Minibatch } from "../../../core/contracts/step/batch.ts";
import { createHost } from "../../../core/host/host.ts";
import { computeAdvantages, computeLoss } from "../../../core/loss/loss.ts";
import type { Term } from "../../../core/contracts/step/term.ts";
import type { MinibatchArrays } from "../../../core/loss/loss-arrays.ts";
import type { Plugin, Run } from "../../../core/contracts/plugin.ts";
import { PluginError } from "../../../core/messages/plugin-error.ts";
import { makeSample } from "../../../core/testing.ts";

class TermPlugin implements Plugin {
  readonly name: string = "TermPlugin";
  readonly apply: (run: Run) => void;
  constructor(apply: (run: Run) => void) {
    this.apply = apply;
  }
}
class OtherPlugin extends TermPlugin {
  override readonly name: string = "OtherPlugin";
}

const arrays: MinibatchArrays = {
  step: 3,
  samples: [makeSample({ index: 0 }), makeSample({ index: 1 })],
  groupOf: Int32Array.of(0, 0),
  groups: [],
  B: 2,
  T: 2,
  mask: Float32Array.of(1, 1, 1, 0),
  // What stands outside the mask must not matter.
  logProbs: Float32Array.of(-1, -2, -3, Number.NaN),
  oldLogProbs: Float32Array.of(-1, -2, -3, -Infinity),
  advantages: Float32Array.of(1, 1, -1, 7),
  scores: new Map([
    ["dark/current/logProbs", Float32Array.of(-4, -5, -6, -7)],
    ["original/reference/logProbs", Float32Array.of(-2, -2, -2, -2)],
  ]),
  maxNewTokens: 4,
};

const hostOf = (...plugins: Plugin[]) => createHost(plugins, { seed: 1, givenViews: ["dark"] });
const lossOfTerm = (term: (batch: Minibatch, run: Run) => Partial<Term> & Pick<Term, "value">) =>
  computeLoss(
    hostOf(
      new TermPlugin((run) =>
        run.hooks.terms.tap("TermPlugin", (terms, batch) => [
          ...terms,
          { name: "mine", reduction: "token_mean", ...term(batch, run) },
        ]),
      ),
    ),
    arrays,
  );

describe("computeLoss", () => {
  it("reduces a term, gives its value and plugin, and its gradient, 0 outside the mask", () => {
    const { loss, terms, gradients } = lossOfTerm(({ logProbs }) => ({ value: square(logProbs) }));
    expect(loss).toBeCloseTo(14 / 3, 6);
    expect(terms).toMatchObject({ mine: { value: loss, weighted: loss, factor: 1, plugin: "TermPlugin" } });
    expect(Object.keys(gradients)).toEqual(["original"]);
    const wanted = [-2 / 3, -4 / 3, -2, 0];
    gradients["original"]!.logProbs!.forEach((value, index) => expect(value).toBeCloseTo(wanted[index]!, 6));
    expect(Object.is(gradients["original"]!.logProbs![3], 0)).toBe(true);
  });

  it("applies sign and coefficient, and sums over plugins", () => {
    const add = (name: string, sign: 1 | -1, value: number) => (run: Run) => {
      const coefficient = run.coefficient(`c/${name}`, value);
      run.hooks.terms.tap(name === "a" ? "TermPlugin" : "OtherPlugin", (terms, { logProbs }) => [
        ...terms,
        { name, value: logProbs, coefficient, sign, reduction: "token_mean" },
      ]);
    };
    const { loss, terms } = computeLoss(
      hostOf(new TermPlugin(add("a", 1, 0.5)), new OtherPlugin(add("b", -1, 2))),
      arrays,
    );
    expect(terms).toMatchObject({
      a: { value: -2, weighted: -1, factor: 0.5, plugin: "TermPlugin" },
      b: { value: -2, weighted: 4, factor: -2, plugin: "OtherPlugin" },
    });
    expect(loss).toBe(3);
  });

  it("leaves a term of coefficient 0 out, even one that is NaN", () => {
    const nothing = lossOfTerm((batch, run) => ({
      value: mul(batch.logProbs, Number.NaN),
      coefficient: run.coefficient("off", 0),
    }));
    expect(nothing).toEqual({
      loss: 0,
      terms: { mine: { value: 0, weighted: 0, factor: 0, plugin: "TermPlugin", norm: 0, cosine: 0, share: 0 } },
      gradients: { original: { logProbs: new Float32Array(4) } },
    });
  });

  it("gives a request with gradient a leaf and one without a constant, of one computed array", () => {
    const plugin = new TermPlugin((run) => {
      const leaf = run.scores.request({ view: "dark", weights: "current", gradient: true });
      const constant = run.scores.request({ view: "dark", weights: "current" });
      run.hooks.terms.tap("TermPlugin", (terms, batch) => [
        ...terms,
        { name: "mine", value: mul(batch.get(leaf), batch.get(constant)), reduction: "constant_sum" },
      ]);
    });
    const { gradients } = computeLoss(hostOf(plugin), arrays);
    expect(gradients).toEqual({
      original: { logProbs: new Float32Array(4) },
      dark: { logProbs: Float32Array.of(-1, -1.25, -1.5, 0) },
    });
  });

  it("gives zeros for a request whose coefficient is 0, and needs no array", () => {
    const plugin = new TermPlugin((run) => {
      const handle = run.scores.request({ weights: "old", output: "entropy", while: run.coefficient("off", 0) });
      run.hooks.terms.tap("TermPlugin", (terms, batch) => [
        ...terms,
        { name: "mine", value: sub(batch.get(handle), 1), reduction: "token_mean" },
      ]);
    });
    expect(computeLoss(hostOf(plugin), arrays).loss).toBe(-1);
  });

  it("weights a term per token or per response, before its reduction", () => {
    const term = new TermPlugin((run) =>
      run.hooks.terms.tap("TermPlugin", (terms, { logProbs }) => [
        ...terms,
        { name: "mine", value: logProbs, reduction: "token_mean" },
      ]),
    );
    const weigh = (weights: number[][]) =>
      new OtherPlugin((run) =>
        run.hooks.weights.tap("OtherPlugin", (ones, { term: name }) => (name === "mine" ? tensor2d(weights) : ones)),
      );
    expect(
      computeLoss(
        hostOf(
          term,
          weigh([
            [1, 0],
            [2, 5],
          ]),
        ),
        arrays,
      ).loss,
    ).toBeCloseTo(-(1 + 6) / 3, 6);
    expect(computeLoss(hostOf(term, weigh([[1], [2]])), arrays).loss).toBeCloseTo(-(1 + 2 + 6) / 3, 6);
  });

  it("names term and plugin of a loss that is not finite, and where", () => {
    const broken = () =>
      lossOfTerm(({ logProbs }) => ({
        value: mul(
          logProbs,
          tensor2d([
            [1, Number.NaN],
            [1, 1],
          ]),
        ),
      }));
    expect(broken).toThrow(
      'TermPlugin failed in hook "terms": it returned the term "mine" with NaN for sample 0, token 1 as its value in step 3',
    );
    expect(broken).toThrow(PluginError);
  });

  it("names the plugin of a term of the wrong shape, and of one that is there already", () => {
    expect(() => lossOfTerm(() => ({ value: tensor2d([[1]]) }))).toThrow(
      'TermPlugin failed in hook "terms": it returned the term "mine" with the shape [1,1] instead of [2,2]',
    );
    const tap = (name: string) => (run: Run) =>
      run.hooks.terms.tap(name, (terms, { logProbs }) => [
        ...terms,
        { name: "mine", value: logProbs, reduction: "token_mean" },
      ]);
    expect(() =>
      computeLoss(hostOf(new TermPlugin(tap("TermPlugin")), new OtherPlugin(tap("OtherPlugin"))), arrays),
    ).toThrow('OtherPlugin failed in hook "terms": there are two terms named "mine", one by TermPlugin');
  });

  it("says whose gradient is not finite, and where", () => {
    // √ at 0 has an infinite slope, and its value is fine.
    const root = () =>
      lossOfTerm(({ logProbs }) => ({
        value: sqrt(
          sub(
            logProbs,
            tensor2d([
              [-1, -3],
              [-4, 0],
            ]),
          ),
        ),
      }));
    expect(root).toThrow(
      'TermPlugin gave the term "mine", whose gradient to original/logProbs is Infinity at sample 0, token 0 in step 3, though its value is finite',
    );
  });

  it("leaves no tensor behind, when it fails either", () => {
    const before = memory().numTensors;
    lossOfTerm(({ logProbs }) => ({ value: square(logProbs) }));
    expect(() => lossOfTerm(({ logProbs }) => ({ value: mul(logProbs, Number.NaN) }))).toThrow();
    expect(memory().numTensors).toBe(before);
  });
});

describe("computeAdvantages", () => {
  it("is 0 outside the mask and rejects what is not finite", () => {
    const giving = (values: number[][]) =>
      hostOf(new TermPlugin((run) => run.hooks.advantages.tap("TermPlugin", () => tensor2d(values))));
    expect(
      computeAdvantages(
        giving([
          [1, 2],
          [3, 4],
        ]),
        arrays,
      ),
    ).toEqual(Float32Array.of(1, 2, 3, 0));
    expect(() =>
      computeAdvantages(
        giving([
          [1, 2],
          [Number.NaN, 4],
        ]),
        arrays,
      ),
    ).toThrow(
      'TermPlugin failed in hook "advantages": it returned NaN for sample 1, token 0; return a float32 tensor [B, T]',
    );
    expect(() => computeAdvantages(giving([[1, 2]]), arrays)).toThrow(
      'TermPlugin failed in hook "advantages": it returned the shape [1,2] instead of [2,2]',
    );
  });

  it("reads scores of the old and the reference weights, and says that current ones are not there yet", () => {
    const reading = (weights: "reference" | "current") =>
      hostOf(
        new TermPlugin((run) => {
          const handle = run.scores.request({ weights });
          run.hooks.advantages.tap("TermPlugin", (_, batch) => batch.get(handle));
        }),
      );
    expect(computeAdvantages(reading("reference"), arrays)).toEqual(Float32Array.of(-2, -2, -2, 0));
    expect(() => computeAdvantages(reading("current"), arrays)).toThrow(
      '"original/current/logProbs" is scored for each minibatch and is not there yet',
    );
  });
});

describe("the ledger", () => {
  const term = (name: string, coefficient: number, value: (batch: Minibatch) => Tensor2D) => (run: Run) => {
    const factor = run.coefficient(`c/${name}`, coefficient);
    run.hooks.terms.tap(name === "policy" ? "TermPlugin" : "OtherPlugin", (terms, batch) => [
      ...terms,
      { name, value: value(batch), coefficient: factor, reduction: "constant_sum" },
    ]);
  };
  const batch = { ...arrays, maxNewTokens: 1 };

  it("gives each term the norm of its own cotangent, its cosine with the objective, and the tokens it acts on", () => {
    // d policy = (2, 2, 2, ·), d other = −3 on the tokens where it is not blocked: (−3, 0, 0, ·); the last token is
    // outside the mask.
    const policy = new TermPlugin(term("policy", 2, ({ logProbs }) => logProbs));
    const other = new OtherPlugin(
      term("other", -3, ({ logProbs }) =>
        mul(
          logProbs,
          tensor2d([
            [1, 0],
            [0, 1],
          ]),
        ),
      ),
    );
    const { terms, gradients } = computeLoss(hostOf(policy, other), batch);
    expect(terms["policy"]).toMatchObject({
      cosine: expect.closeTo(1, 12) as number,
      share: 1,
      norm: expect.closeTo(Math.sqrt(12), 6) as number,
    });
    expect(terms["other"]).toMatchObject({
      norm: expect.closeTo(3, 6) as number,
      cosine: expect.closeTo(-1 / Math.sqrt(3), 6) as number,
      share: expect.closeTo(1 / 3, 6) as number,
    });
    expect([...gradients["original"]!.logProbs!]).toEqual([-1, 2, 2, 0]);
  });

  it("has the cosine 0 where there is no objective", () => {
    const { terms } = computeLoss(hostOf(new OtherPlugin(term("other", 1, ({ logProbs }) => logProbs))), batch);
    expect(terms["other"]!.cosine).toBe(0);
  });
});
