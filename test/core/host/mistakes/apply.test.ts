/** Mistakes of registrations, of recipes, and of what is kept or read. */
import { keep, ones, tidy, variable } from "@tensorflow/tfjs-core";
import { describe, expect, it, test } from "vitest";
import { createHost } from "../../../../core/host/host.ts";
import type { Run } from "../../../../core/contracts/plugin.ts";
import { lossOf } from "../../../../core/testing.ts";
import { TapPlugin } from "../../../support/bandit.ts";

describe("memory", () => {
  const keeping = (work: () => void) => () =>
    lossOf([new TapPlugin(({ hooks }) => hooks.advantages.tap("TapPlugin", (zero) => (work(), zero)))], {
      logProbs: [[-1]],
    });

  it("that is kept is an error, and given back", () => {
    expect(keeping(() => keep(ones([2, 3])))).toThrow(
      /^TapPlugin kept 1 tensor in hook "advantages" \(tf\.keep or tf\.variable; shape \[2,3\]\), as it would in every step .*keep plain numbers instead/,
    );
    expect(keeping(() => tidy(() => void keep(ones([1]))))).toThrow("TapPlugin kept 1 tensor");
    expect(keeping(() => variable(ones([4])))).toThrow("shape [4]");
    expect(keeping(() => keep(ones([2])).dispose())().loss).toBe(0);
  });
});

describe("apply", () => {
  const applying = (apply: (run: never) => unknown) => () => createHost([new TapPlugin(apply as never)], { seed: 1 });
  it.each([
    [
      "taps a misspelt hook",
      ({ hooks }: { hooks: Record<string, { tap(): void }> }) => hooks["term"]!.tap(),
      'TapPlugin failed in apply: there is no hook "term": did you mean "terms"? There are coefficient,',
    ],
    [
      "asks for a misspelt part of the run",
      (run: Record<string, () => void>) => run["coeficient"]!(),
      'there is no part of a run "coeficient": did you mean "coefficient"?',
    ],
    [
      "listens to a misspelt event",
      ({ events }: Run) => events.on("stpe", () => undefined),
      'TapPlugin listens to the event "stpe", which there is not: did you mean "step"?',
    ],
    ["is async", async () => undefined, "TapPlugin failed in apply: it returned a promise: apply is not async"],
    [
      "taps with no function",
      ({ hooks }: Run) => hooks.terms.tap("TapPlugin", 7 as never),
      'it taps the hook "terms" with 7; give a function',
    ],
    [
      "declares a coefficient of no name",
      ({ coefficient }: Run) => coefficient("", 1),
      'declares a coefficient whose name is the text ""',
    ],
    [
      "declares a coefficient of a text",
      ({ coefficient }: Run) => coefficient("c", "1" as never),
      'declares the coefficient "c" as the text "1"; it must be finite',
    ],
    [
      "registers a view of nothing",
      ({ views }: Run) => views.register(undefined as never),
      "TapPlugin registers a view nothing; give an object with name, scope",
    ],
    [
      "registers a view with a misspelt change",
      ({ views }: Run) => views.register({ name: "v", rw: () => undefined } as never),
      'registers a view with the field "rw", which means nothing: did you mean "raw"?',
    ],
    [
      "registers a view with a wrong scope",
      ({ views }: Run) => views.register({ name: "v", scope: "answer", raw: (x: never) => x } as never),
      'registers a view with the scope the text "answer"; it must be "prompt" or "response"',
    ],
    [
      "registers a scorer without a weight",
      ({ rewards }: Run) => rewards.register({ name: "s", timeoutSeconds: 1, onFailure: 0, score: () => 1 } as never),
      "registers a scorer with the weight nothing; it must be a finite number",
    ],
    [
      "registers a scorer without a function",
      ({ rewards }: Run) => rewards.register({ name: "s", weight: 1, timeoutSeconds: 1, onFailure: 0 } as never),
      "registers a scorer with the score nothing; it must be a function",
    ],
    [
      "asks for scores with a misspelt field",
      ({ scores }: Run) => scores.request({ veiw: "dark", weights: "old" } as never),
      'makes a score request with the field "veiw", which means nothing: did you mean "view"?',
    ],
    [
      "binds scores to a number",
      ({ scores }: Run) => scores.request({ weights: "old", while: 0.1 as never }),
      "makes a score request with the while 0.1; it must be what coefficient(…) gave in apply",
    ],
    [
      "asks for an output that is none",
      ({ scores }: Run) => scores.request({ weights: "old", output: "logits" as never }),
      'the output the text "logits"; it must be "logProbs" or "entropy"',
    ],
    [
      "registers an auxiliary rollout of half a sample",
      ({ auxiliary }: Run) => auxiliary.register({ name: "a", samples: 0.5, prompt: () => null }),
      "with the samples 0.5; it must be a whole number from 1",
    ],
    [
      "answers an auxiliary rollout by an environment that nobody registered",
      ({ auxiliary }: Run) => auxiliary.register({ name: "a", environments: ["zoom-in"], prompt: () => null }),
      'registers the auxiliary rollout "a" with the environment "zoom-in", which is not registered; there are: none',
    ],
  ])("that %s", (_name, apply, message) => {
    expect(applying(apply as never)).toThrow(message);
    expect(applying(apply as never)).toThrow(/^TapPlugin /);
  });

  it.each([
    ["a list", [[new TapPlugin(() => undefined)]], "The recipe holds a list at place 0; spread it"],
    ["a class", [TapPlugin], "The recipe holds the class TapPlugin at place 0; make one: new TapPlugin()"],
    ["nothing", [undefined], "The recipe holds nothing at place 0, which is no plugin"],
    ["an object", [{ name: "Object" }], "which is no plugin: it needs a name and apply(run)"],
  ])("is not asked of %s in a recipe", (_name, recipe, message) => {
    expect(() => createHost(recipe as never, { seed: 1 })).toThrow(message);
  });
});

test("a batch has no misspelt fields, and takes only handles", () => {
  const reading = (read: (batch: never) => unknown) => () =>
    lossOf(
      [new TapPlugin(({ hooks }) => hooks.advantages.tap("TapPlugin", (zero, batch) => (read(batch as never), zero)))],
      { logProbs: [[-1]] },
    );
  expect(reading((batch: Record<string, unknown>) => batch["oldLogprobs"])).toThrow(
    'TapPlugin failed in hook "advantages": there is no field of a batch "oldLogprobs": did you mean "oldLogProbs"?',
  );
  expect(reading((batch: { get(key: string): unknown }) => batch.get("dark/old/logProbs"))).toThrow(
    'batch.get and batch.scoredRows take what scores.request gave in apply, found the text "dark/old/logProbs"',
  );
});
