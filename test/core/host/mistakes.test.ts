/** Mistakes that plugins make, each by a small plugin that makes it: the error names plugin, place, what was found and what to do. */
import {
  add,
  cast,
  fill,
  keep,
  mul,
  ones,
  scalar,
  tensor1d,
  tensor2d,
  tidy,
  variable,
  zeros,
  type Tensor2D,
} from "@tensorflow/tfjs-core";
import { describe, expect, it, test } from "vitest";
import { createHost } from "../../../core/host/host.ts";
import { PluginError } from "../../../core/host/taps.ts";
import { createMinibatch } from "../../../core/loss/loss-arrays.ts";
import type { JudgedGroup, Minibatch, Row } from "../../../core/pipeline/batch.ts";
import type { RunHooks } from "../../../core/pipeline/hooks.ts";
import type { Run } from "../../../core/pipeline/plugin.ts";
import { detach } from "../../../core/math/elementwise.ts";
import { lossOf, makeGroup, makeSample, type Host, type MinibatchInput } from "../../../core/testing.ts";
import { TapPlugin } from "../../support/bandit.ts";

type Any = (...args: never[]) => unknown;
type HookName = keyof RunHooks;
const asynchronous: readonly HookName[] = ["prompts", "rewards", "groups", "stepped"];

const hostOf = (apply: (run: Run) => void): Host =>
  createHost([new TapPlugin(apply)], { seed: 1, hookSeconds: 0.02, givenViews: ["dark"] });
/** A host whose one plugin taps a hook with this. */
const tapped = (hook: HookName, fn: Any): Host =>
  hostOf(({ hooks }) => {
    const untyped = hooks[hook] as unknown as {
      tap(name: string, fn: Any): void;
      tapPromise(name: string, fn: Any): void;
    };
    if (asynchronous.includes(hook)) untyped.tapPromise("TapPlugin", fn);
    else untyped.tap("TapPlugin", fn);
  });

const row = (id: string, prompt = "a"): Row => ({ id, prompt, system: null, images: [], answer: "", fields: {} });
const samples = [0, 1, 2].map((index) => makeSample({ index, length: 2, reward: index }));
const group: JudgedGroup = makeGroup({ samples });
const place = { step: 1, steps: 10 };
function minibatch(host: Host): Minibatch {
  const flat = (value: number): Float32Array => new Float32Array(6).fill(value);
  const { batch } = createMinibatch(
    {
      step: 1,
      samples,
      groups: [group],
      groupOf: Int32Array.of(0, 0, 0),
      B: 3,
      T: 2,
      mask: Float32Array.of(1, 1, 1, 1, 1, 0),
      logProbs: flat(-1),
      oldLogProbs: flat(-1),
      advantages: flat(1),
      scores: new Map(),
      maxNewTokens: 2,
    },
    host,
  );
  return batch;
}
const term = (batch: Minibatch, changes: object = {}): object => ({
  name: "mine",
  value: batch.logProbs,
  reduction: "token_mean",
  ...changes,
});

/** What a hook is called with in a step. */
function given(hook: HookName, host: Host): unknown[] {
  const first = {
    coefficient: 1,
    rollout: { shares: [{ view: "original", count: 2 }], maxNewTokens: 4 },
    prompts: [row("x"), row("y")],
    rewards: [0, 1, 2],
  };
  if (hook === "coefficient") return [first.coefficient, { name: "c", ...place }];
  if (hook === "rollout") return [first.rollout, place];
  if (hook === "prompts") return [first.prompts, { ...place, round: 0 }];
  if (hook === "rewards") return [first.rewards, group];
  if (hook === "groups")
    return [
      { groups: [group], wanted: 1, round: 0, lastRound: false, sampleMore: false },
      { ...place, sampled: [group] },
    ];
  if (hook === "stepped") return [{ ...place, metrics: { "reward/mean": 1 } }];
  const batch = minibatch(host);
  if (hook === "terms") return [[], batch];
  return hook === "advantages" ? [zeros([3, 2]), batch] : [ones([3, 2]), { term: "policy", slot: "after_clip", batch }];
}

async function messageOf(hook: HookName, fn: Any): Promise<string> {
  const host = tapped(hook, fn);
  const called = host.hooks[hook] as unknown as { call: Any; promise: Any };
  try {
    const args = given(hook, host) as never[];
    await (asynchronous.includes(hook) ? called.promise(...args) : called.call(...args));
    host.takeMetrics();
  } catch (error) {
    expect(error).toBeInstanceOf(PluginError);
    return (error as Error).message;
  }
  return "nothing was said";
}

type Made = readonly [name: string, make: () => unknown];
const bad: readonly Made[] = [
  ["nothing", () => undefined],
  ["null", () => null],
  ["NaN", () => NaN],
  ["Infinity", () => Infinity],
  ["true", () => true],
  ["a text", () => "0.1"],
  ["a function", () => () => 1],
  ["a strange object", () => ({ bogus: 1 })],
  ["a list of what does not belong there", () => [{ bogus: 1 }, NaN, undefined, "x"]],
  ["a typed array", () => new Float32Array(7)],
  ["a tensor of the wrong shape", () => ones([1, 1])],
  ["a tensor of the wrong rank", () => tensor1d([1, 2, 3, 4, 5, 6])],
  ["a tensor of the wrong type", () => cast(ones([3, 2]), "int32")],
  ["a tensor of truths", () => cast(ones([3, 2]), "bool")],
  ["a tensor of NaN", () => fill([3, 2], NaN)],
  ["a tensor of infinities", () => fill([3, 2], -Infinity)],
  ["a scalar", () => scalar(1)],
  [
    "a disposed tensor",
    () => {
      const tensor = ones([3, 2]);
      tensor.dispose();
      return tensor;
    },
  ],
  ["a list with a tensor", () => [ones([3, 2])]],
];
const hookNames: readonly HookName[] = [
  "coefficient",
  "rollout",
  "prompts",
  "rewards",
  "groups",
  "advantages",
  "terms",
  "weights",
  "stepped",
];
/** What is right after all. */
const right: Readonly<Record<string, readonly string[]>> = { stepped: ["nothing"] };

describe.each(hookNames)("a tap of %s", (hook) => {
  it.each(bad.filter(([name]) => !(right[hook] ?? []).includes(name)))("that returns %s", async (_name, make) => {
    expect(await messageOf(hook, () => (asynchronous.includes(hook) ? Promise.resolve(make()) : make()))).toMatch(
      new RegExp(`^TapPlugin failed in hook "${hook}": it returned .+; return .+`),
    );
  });

  it.each([
    ["an object", { code: 1 }],
    ["nothing", undefined],
    ["null", null],
    ["a number", 7],
  ])("that throws %s", async (_name, thrown) => {
    const message = await messageOf(hook, () => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- a careless plugin is what is tested
      throw thrown;
    });
    expect(message).toMatch(new RegExp(`^TapPlugin failed in hook "${hook}": it threw .+, which is no Error`));
  });
});

describe("an asynchronous tap", () => {
  it.each(asynchronous)("of %s that never answers has a limit", async (hook) => {
    expect(await messageOf(hook, () => new Promise(() => undefined))).toBe(
      `TapPlugin failed in hook "${hook}": it gave no answer within 0.02 s (the setting hookSeconds)`,
    );
  });

  it("that fails after its limit disturbs nobody", async () => {
    const late = (): Promise<never> =>
      new Promise((_resolve, reject) => setTimeout(() => reject(new Error("late")), 30));
    expect(await messageOf("stepped", late)).toContain("no answer within");
    await new Promise((resolve) => setTimeout(resolve, 40));
  });

  it("that leaves tensors in memory", async () => {
    expect(await messageOf("rewards", (rewards) => (ones([2]), Promise.resolve(rewards)))).toContain(
      "it left 1 tensor in memory, as it would in every step; wrap the work with tensors in tf.tidy",
    );
  });
});

describe("a tap that does not wait", () => {
  it.each(["coefficient", "rollout", "advantages", "terms", "weights"] as const)(
    "is told when it is async: %s",
    async (hook) => {
      expect(await messageOf(hook, async (value) => value)).toContain(
        "it returned a promise, and this hook does not wait; give it a function that is not async",
      );
    },
  );
});

describe("what a tap is given", () => {
  const changes: readonly (readonly [string, HookName, (...args: never[]) => unknown, string])[] = [
    ["a list, sorted", "rewards", async (rewards: number[]) => rewards.sort((a, b) => b - a), "return a new value"],
    [
      "a list, pushed to",
      "terms",
      (terms: object[], batch: Minibatch) => (terms.push(term(batch)), terms),
      "return a new value",
    ],
    ["a list of rows, cut", "prompts", async (rows: Row[]) => (rows.pop(), rows), "return a new value"],
    [
      "a plan's field",
      "rollout",
      (plan: { maxNewTokens: number }) => ((plan.maxNewTokens = 1), plan),
      "return a new value",
    ],
    ["a plan's shares", "rollout", (plan: { shares: object[] }) => (plan.shares.pop(), plan), "return a new value"],
    [
      "a selection's groups",
      "groups",
      async (selection: { groups: object[] }) => (selection.groups.pop(), selection),
      "return a new value",
    ],
    [
      "a summary's metrics",
      "stepped",
      async (summary: { metrics: Record<string, number> }) => ((summary.metrics["reward/mean"] = 2), undefined),
      "return a new value",
    ],
    [
      "a batch's field",
      "terms",
      (terms: object[], batch: { advantages: unknown }) => ((batch.advantages = batch), terms),
      "return a new value",
    ],
    [
      "rewards of samples",
      "advantages",
      (zero: Tensor2D, { samples: [sample] }: { samples: [{ reward: number }] }) => (sample.reward++, zero),
      'it changed "batch.samples" in place',
    ],
    [
      "tokens' log-probs",
      "advantages",
      (zero: Tensor2D, batch: Minibatch) => ((batch.samples[0]!.response.logProbs[1]! += 1), zero),
      'it changed "batch.samples" in place',
    ],
    [
      "tokens",
      "terms",
      (terms: object[], batch: Minibatch) => ((batch.samples[2]!.response.tokens[0]! += 1), terms),
      'it changed "batch.samples" in place',
    ],
    [
      "the groups of rows",
      "advantages",
      (zero: Tensor2D, batch: Minibatch) => ((batch.groupOf[0] = 1), zero),
      'it changed "batch.groupOf" in place',
    ],
    [
      "a group's samples",
      "rewards",
      async (rewards: number[], { samples: [sample] }: { samples: [{ reward: number }] }) => (sample.reward++, rewards),
      'it changed "group.samples" in place',
    ],
    [
      "a row's fields",
      "prompts",
      async (rows: { fields: Record<string, unknown> }[]) => ((rows[0]!.fields["level"] = 3), rows),
      'it changed "rows" in place',
    ],
    [
      "a tensor, disposed",
      "terms",
      (terms: object[], batch: Minibatch) => (batch.oldLogProbs.dispose(), terms),
      'it disposed "batch.oldLogProbs"',
    ],
    [
      "its first argument, disposed",
      "weights",
      (weights: Tensor2D) => (weights.dispose(), ones([3, 2])),
      'it disposed "weights"',
    ],
  ];
  it.each(changes)("cannot be changed in place: %s", async (_name, hook, fn, message) => {
    const before = samples.map(({ reward, response: { logProbs, tokens } }) => ({
      reward,
      logProbs: logProbs.slice(),
      tokens: tokens.slice(),
    }));
    const found = await messageOf(hook, fn);
    samples.forEach((sample, index) => {
      sample.reward = before[index]!.reward;
      sample.response.logProbs.set(before[index]!.logProbs);
      sample.response.tokens.set(before[index]!.tokens);
    });
    expect(found).toMatch(new RegExp(`^TapPlugin failed in hook "${hook}": `));
    expect(found).toContain(message);
  });

  it("is numbers of its own where they are read, of what shares the buffer too", () => {
    const edits = new TapPlugin(({ hooks }) => {
      hooks.terms.tap("TapPlugin", (terms, batch) => {
        for (const tensor of [
          batch.logProbs,
          batch.mask,
          batch.oldLogProbs,
          batch.advantages,
          batch.mask.clone(),
          batch.logProbs.reshape([-1]),
        ])
          tensor.dataSync().fill(9);
        return [...terms, { name: "mine", value: batch.logProbs, reduction: "token_mean" }];
      });
    });
    expect(lossOf([edits], { logProbs: [[-1, -3]] }).loss).toBe(-2);
  });

  it("goes on to others as it was returned, whatever its maker does with it afterwards", async () => {
    const own = [5, 6, 7];
    const host = tapped("rewards", () => Promise.resolve(own));
    const result = await host.hooks.rewards.promise([0, 1, 2], group);
    own[0] = 100;
    expect(result).toEqual([5, 6, 7]);
  });
});

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
