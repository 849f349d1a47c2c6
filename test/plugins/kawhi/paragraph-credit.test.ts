import { createHost, type Plugin, type Run } from "@papo/core";
import { lossOf } from "@papo/core/testing";
import { ParagraphCreditPlugin } from "@papo/plugins";
import { add, type Tensor2D } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { listenedTo } from "../../support/listened-to.ts";

const words = ["a", ".\n\n", "\n\n"];
const decode = (tokens: Int32Array): string => [...tokens].map((token) => words[token]!).join("");

class OnePlugin implements Plugin {
  readonly name = "OnePlugin";

  apply({ hooks }: Run): void {
    hooks.advantages.tap(this.name, (zeros) => add<Tensor2D>(zeros, 1));
  }
}

/** Advantages of 1 become the weights. */
function weightsOf(
  tokens: readonly number[],
  alpha: readonly number[],
  { pictures = 1, ...options }: { pictures?: number } & ConstructorParameters<typeof ParagraphCreditPlugin>[0] = {},
): number[] {
  const plugins = [new OnePlugin(), new ParagraphCreditPlugin({ view: "original", ...options })];
  const row = tokens.map(() => -1);
  return [
    ...lossOf(plugins, {
      logProbs: [row],
      tokens: [tokens],
      decode,
      pictures: [pictures],
      scores: { "original/old/pictureAlignment(-1)": [alpha] },
    }).advantages[0]!,
  ];
}

test("tokens of a paragraph weigh alike, those of one that looks at the picture more", () => {
  // Softmax of 0.2 and 0 at 0.1: 0.8808 and 0.1192; the separator belongs to what it ends.
  const weights = weightsOf([0, 1, 0, 0], [0.3, 0.1, 0, 0], { smoothing: 0 });
  const [first, second] = [0.1 + 0.9 * 0.8807971, 0.1 + 0.9 * 0.1192029];
  expect(weights).toEqual([first, first, second, second].map((weight) => expect.closeTo(weight, 5) as number));
});

test("smoothing takes the weights towards each other, and a response of one paragraph weighs the most", () => {
  expect(weightsOf([0, 1, 0, 0], [0.3, 0.1, 0, 0], { smoothing: 1 })).toEqual(
    new Array(4).fill(expect.closeTo(0.55, 6)),
  );
  expect(weightsOf([0, 0], [0.3, 0.1])).toEqual([1, 1]);
});

test("where each response is one paragraph, a person is told that nothing is weighted", () => {
  const said: string[] = [];
  const tell = (tokens: readonly number[], pictures: number): void => {
    lossOf([new OnePlugin(), listenedTo(new ParagraphCreditPlugin({ view: "original" }), said)], {
      logProbs: [tokens.map(() => -1)],
      tokens: [tokens],
      decode,
      pictures: [pictures],
      scores: { "original/old/pictureAlignment(-1)": [tokens.map(() => 0.1)] },
    });
  };
  tell([0, 1, 0], 1);
  tell([0, 0, 0], 0);
  expect(said).toEqual([]);
  tell([0, 0, 0], 1);
  expect(said).toEqual([
    expect.stringMatching(/^each response of a step is one paragraph.*set separator, which is "\\n\\n"/),
  ]);
});

test("empty lines are no paragraph of their own", () => {
  const weights = weightsOf([0, 1, 2, 0], [0.2, 0.2, -0.4, 0], { smoothing: 0 });
  // ᾱ of the first three tokens is 0, as that of the last.
  expect(weights).toEqual(new Array(4).fill(expect.closeTo(0.55, 6)));
});

test("responses to text-only prompts keep their advantages", () => {
  expect(weightsOf([0, 1, 0, 0], [0, 0, 0, 0], { pictures: 0 })).toEqual([1, 1, 1, 1]);
});

test("the view of key regions is asked for by name, with what to do where nobody registers it", () => {
  expect(() => createHost([new ParagraphCreditPlugin({ heads: [0, 3] })], { seed: 1 })).toThrow(
    'asks for the view "key-regions", and no plugin registers it: list KeyRegionsPlugin in the recipe, or set view to "original" for all visual tokens',
  );
});
