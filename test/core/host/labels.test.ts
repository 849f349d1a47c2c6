/** A plugin that a recipe lists more than once. */
import "../../../core/math/backend.ts";
import {
  createHost,
  identityOf,
  labelled,
  type Coefficient,
  type Plugin,
  type Run,
  type ScoreHandle,
} from "@papo/core";
import { lossOf } from "@papo/core/testing";
import { describe, expect, it } from "vitest";
import { TapPlugin } from "../../support/bandit.ts";

/** Names one of everything that a plugin can name. */
class AllNamesPlugin implements Plugin {
  readonly name = "AllNamesPlugin";
  readonly #seen: (all: Seen) => void;

  constructor(seen: (all: Seen) => void = () => undefined) {
    this.#seen = seen;
  }

  apply({
    hooks,
    views,
    copies,
    rewards,
    auxiliary,
    environments,
    scores,
    coefficient,
    state,
    keptGroups,
    random,
    metric,
  }: Run): void {
    const names = [
      views.register({ name: "dark", raw: (picture) => picture }),
      copies.register({ name: "slow", decay: 0.9, every: 1 }),
      rewards.register({ name: "judge", weight: 1, timeoutSeconds: 1, onFailure: "stop", score: () => 1 }),
      auxiliary.register({ name: "again", prompt: () => null }),
      environments.register({ name: "echo", maxTurns: 2, reply: () => null }),
    ];
    const weight = coefficient("all/weight", 1);
    const seen = scores.request({ view: "dark", weights: "slow" });
    const counter = state(0);
    keptGroups();
    hooks.coefficient.tap(this.name, (value, { name }) => (name === weight.name ? value * 2 : value));
    hooks.rollout.tap(this.name, (plan) => ({ ...plan, shares: [...plan.shares, { view: "dark", count: 1 }] }));
    hooks.terms.tap(this.name, (terms, batch) => {
      metric("all/seen", batch.get(seen).size);
      return [...terms, { name: "all/term", value: batch.logProbs, coefficient: weight, reduction: "token_mean" }];
    });
    this.#seen({ names, weight, seen, counter, draw: random.uniform(0) });
  }
}

interface Seen {
  readonly names: readonly string[];
  readonly weight: Coefficient;
  readonly seen: ScoreHandle;
  readonly counter: { value: number };
  readonly draw: number;
}

const minibatch = {
  logProbs: [[-1, -2]],
  scores: { "dark/slow/logProbs": [[-1, -1]], "dark:second/slow:second/logProbs": [[-1, -1]] },
};

/** Both instances' parts. */
function twice() {
  const parts: Seen[] = [];
  const plugins = [
    new AllNamesPlugin((all) => parts.push(all)),
    labelled(new AllNamesPlugin((all) => parts.push(all)), "second"),
  ];
  return { plugins, parts, host: createHost(plugins, { seed: 1 }) };
}

describe("a second instance with a label", () => {
  it("names all that it registers with the label, and finds its own by its own names", () => {
    const { host, parts } = twice();
    expect(host.plugins).toEqual(["AllNamesPlugin", "AllNamesPlugin:second"]);
    expect(parts.map(({ names }) => names)).toEqual([
      ["dark", "slow", "judge", "again", "echo"],
      ["dark:second", "slow:second", "judge:second", "again:second", "echo:second"],
    ]);
    expect(
      [host.views, host.copies, host.scorers, host.auxiliary, host.environments].map(
        (items) => [...items.keys()].length,
      ),
    ).toEqual([2, 2, 2, 2, 2]);
    expect(parts[1]!.seen.key).toBe("dark:second/slow:second/logProbs");
    expect(Object.keys(host.coefficients())).toEqual(["all/weight", "all/weight:second"]);
    expect(parts[0]!.draw).not.toBe(parts[1]!.draw);
    const plan = host.hooks.rollout.call(
      { shares: [{ view: "original", count: 2 }], maxNewTokens: 4 },
      { step: 1, steps: 2 },
    );
    expect(plan.shares.map(({ view }) => view)).toEqual(["original", "dark", "dark:second"]);
  });

  it("adds terms and metrics of its own to the loss", () => {
    const { terms, metrics } = lossOf(twice().plugins, minibatch);
    expect(Object.entries(terms).map(([name, { plugin, factor }]) => [name, plugin, factor])).toEqual([
      ["all/term", "AllNamesPlugin", 2],
      ["all/term:second", "AllNamesPlugin:second", 2],
    ]);
    expect(metrics).toEqual({ "all/seen": 2, "all/seen:second": 2 });
  });

  it("has its own saved state and kept groups, which a run without it refuses", () => {
    const { host, parts } = twice();
    parts[1]!.counter.value = 7;
    const saved = host.saveState();
    expect(saved).toEqual({ AllNamesPlugin: [0], "AllNamesPlugin:second": [7] });
    expect(Object.keys(host.keptGroups.save())).toEqual(["AllNamesPlugin", "AllNamesPlugin:second"]);
    const later = twice();
    later.host.loadState(saved);
    expect(later.parts.map(({ counter }) => counter.value)).toEqual([0, 7]);
    expect(() => createHost([new AllNamesPlugin()], { seed: 1 }).loadState(saved)).toThrow(
      "The saved run holds state of AllNamesPlugin:second, which this recipe does not list",
    );
  });

  it("is named in errors, and leaves the unlabelled one as it is alone", () => {
    const broken = labelled(
      new TapPlugin(({ hooks }) =>
        hooks.coefficient.tap("TapPlugin", () => {
          throw new Error("no");
        }),
      ),
      "b",
    );
    const host = createHost(
      [
        new TapPlugin(({ coefficient }) => {
          coefficient("x", 1);
        }),
        broken,
      ],
      { seed: 1 },
    );
    expect(() => host.beginStep({ step: 1, steps: 1 })).toThrow('TapPlugin:b failed in hook "coefficient": no');
    const alone = createHost([new AllNamesPlugin()], { seed: 1 });
    expect([...alone.views.keys(), ...alone.scorers.keys()]).toEqual(["dark", "judge"]);
  });

  it("is refused without a label, with a label twice, and with one that is no word", () => {
    const host =
      (...plugins: Plugin[]) =>
      () =>
        createHost(plugins, { seed: 1 });
    const tap = (): Plugin => new TapPlugin(() => undefined);
    expect(host(tap(), tap())).toThrow(
      'The recipe lists TapPlugin twice; list it once, or give the second a label: labelled(new TapPlugin(…), "second")',
    );
    expect(host(labelled(tap(), "a"), labelled(tap(), "a"))).toThrow(
      "The recipe lists TapPlugin:a twice; list it once, or give the second another label",
    );
    expect(() => labelled(tap(), "a b")).toThrow(
      'TapPlugin is given the label the text "a b"; a label is a word of letters, digits, _ and -',
    );
    expect(() => labelled(labelled(tap(), "a"), "b")).toThrow('TapPlugin has the label "a" already');
    expect(host(Object.assign(tap(), { label: 3 as unknown as string }))).toThrow(
      "The recipe lists TapPlugin with the label 3",
    );
    expect(identityOf(labelled(tap(), "a"))).toBe("TapPlugin:a");
  });

  it("keeps the methods of a registered instance, private fields among them", async () => {
    class Judge {
      readonly name = "judge";
      readonly weight = 1;
      readonly timeoutSeconds = 1;
      readonly onFailure = "stop" as const;
      readonly #value = 3;

      score(): number {
        return this.#value;
      }
    }
    const host = createHost(
      [
        labelled(
          new TapPlugin(({ rewards }) => {
            rewards.register(new Judge());
          }),
          "b",
        ),
      ],
      { seed: 1 },
    );
    const judge = host.scorers.get("judge:b")!;
    expect(judge.name).toBe("judge:b");
    expect(await judge.score({} as never, new AbortController().signal)).toBe(3);
  });
});
