import { describe, expect, it } from "vitest";
import { createHost } from "../../../core/host/host.ts";
import type { Host } from "../../../core/host/host.ts";
import type { Coefficient } from "../../../core/contracts/registered/coefficient.ts";
import type { JudgedGroup } from "../../../core/contracts/step/batch.ts";
import type { Plugin, Run } from "../../../core/contracts/plugin.ts";
import { PluginError } from "../../../core/messages/plugin-error.ts";

/** A plugin whose `apply` is given: what every test here varies. */
class FirstPlugin implements Plugin {
  readonly name: string = "FirstPlugin";
  readonly apply: (run: Run) => void;
  constructor(apply: (run: Run) => void) {
    this.apply = apply;
  }
}
class SecondPlugin extends FirstPlugin {
  override readonly name: string = "SecondPlugin";
}

const host = (...plugins: Plugin[]): Host => createHost(plugins, { seed: 1 });
const first = (apply: (run: Run) => void): Host => host(new FirstPlugin(apply));
const group = {} as JudgedGroup;
const context = { step: 1, steps: 10 };

describe("names", () => {
  it("rejects two plugins of one name, and a name that is not the class's", () => {
    const plugin = new FirstPlugin(() => undefined);
    expect(() => host(plugin, plugin)).toThrow("The recipe lists FirstPlugin twice");
    class Renamed extends FirstPlugin {}
    expect(() => host(new Renamed(() => undefined))).toThrow('A plugin of class Renamed has the name "FirstPlugin"');
  });
});

describe("taps", () => {
  const tapping = (apply: (run: Run) => void): string => {
    try {
      first(apply);
      return "nothing thrown";
    } catch (error) {
      return (error as Error).message;
    }
  };
  // What types forbid and JavaScript allows.
  const untyped = (
    run: Run,
  ): Record<string, { tap(options: unknown, fn: unknown): void; tapAsync(name: string, fn: unknown): void }> =>
    run.hooks as never;

  it("names plugin and hook when a sync tap throws, and keeps the cause", () => {
    const cause = new Error("no group");
    const { hooks } = first((run) =>
      run.hooks.coefficient.tap("FirstPlugin", () => {
        throw cause;
      }),
    );
    const call = () => hooks.coefficient.call(1, { name: "x", ...context });
    expect(call).toThrow('FirstPlugin failed in hook "coefficient": no group');
    expect(call).toThrow(PluginError);
    expect(call).toThrow(expect.objectContaining({ cause, plugin: "FirstPlugin" }));
  });

  it("names plugin and hook when an async tap rejects or throws a string", async () => {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- a careless plugin is what is tested
    const { hooks } = first((run) => run.hooks.rewards.tapPromise("FirstPlugin", () => Promise.reject("out of luck")));
    await expect(hooks.rewards.promise([1], group)).rejects.toThrow(
      'FirstPlugin failed in hook "rewards": out of luck',
    );
  });

  it("detects an async function on a sync hook", () => {
    const { hooks } = first((run) =>
      untyped(run)["coefficient"]!.tap("FirstPlugin", async () => Promise.reject(new Error("late"))),
    );
    expect(() => hooks.coefficient.call(1, { name: "x", ...context })).toThrow(
      'FirstPlugin failed in hook "coefficient": it returned a promise',
    );
  });

  it("detects a waterfall that returns nothing, and lets a bail hook do so", async () => {
    const silent = first((run) => {
      untyped(run)["coefficient"]!.tap("FirstPlugin", () => undefined);
      run.hooks.rewards.tapPromise("FirstPlugin", () => Promise.resolve(undefined as never));
      run.hooks.stepped.tapPromise("FirstPlugin", () => Promise.resolve(undefined as never));
    });
    expect(() => silent.hooks.coefficient.call(1, { name: "x", ...context })).toThrow("it returned nothing");
    await expect(silent.hooks.rewards.promise([1], group)).rejects.toThrow(
      'FirstPlugin failed in hook "rewards": it returned nothing',
    );
    await expect(silent.hooks.stepped.promise({ ...context, metrics: {} })).resolves.toBeUndefined();
  });

  it.each([
    [
      "before",
      (run: Run) => untyped(run)["terms"]!.tap({ name: "FirstPlugin", before: "Other" }, () => []),
      '"before" or "stage"',
    ],
    [
      "stage",
      (run: Run) => untyped(run)["terms"]!.tap({ name: "FirstPlugin", stage: -1 }, () => []),
      '"before" or "stage"',
    ],
    [
      "tap on an async hook",
      (run: Run) => untyped(run)["rewards"]!.tap("FirstPlugin", () => []),
      "with the wrong method; use tapPromise",
    ],
    ["tapAsync", (run: Run) => untyped(run)["rewards"]!.tapAsync("FirstPlugin", () => []), "use tapPromise"],
    ["another name", (run: Run) => run.hooks.terms.tap("Other", (terms) => terms), 'under the name "Other"'],
  ])("refuses %s", (_what, apply, message) => {
    const found = tapping(apply);
    expect(found).toContain("FirstPlugin failed in apply: it taps the hook");
    expect(found).toContain(message);
  });

  it("refuses a tap after apply", () => {
    let kept: Run | undefined;
    first((run) => {
      kept = run;
    });
    expect(() => kept!.hooks.terms.tap("FirstPlugin", (terms) => terms)).toThrow(
      'FirstPlugin taps the hook "terms" outside apply',
    );
  });
});

describe("registries", () => {
  const twice = (apply: (run: Run) => void) => () => host(new FirstPlugin(apply), new SecondPlugin(apply));
  const scorer = { name: "accuracy", weight: 1, timeoutSeconds: 1, onFailure: "stop", score: () => 1 } as const;

  it("rejects what is registered twice, naming both", () => {
    expect(twice((run) => run.views.register({ name: "dark", raw: (picture) => picture }))).toThrow(
      'SecondPlugin registers the view "dark", which FirstPlugin has registered',
    );
    expect(twice((run) => run.rewards.register(scorer))).toThrow(
      'SecondPlugin registers the scorer "accuracy", which FirstPlugin',
    );
    expect(twice((run) => run.coefficient("c", 1))).toThrow(
      'SecondPlugin declares the coefficient "c", which FirstPlugin',
    );
  });

  it("rejects views that are no views", () => {
    expect(() => first((run) => run.views.register({ name: "original", raw: (picture) => picture }))).toThrow(
      'registers the view "original"',
    );
    expect(() => first((run) => run.views.register({ name: "same" }))).toThrow("which changes nothing");
  });

  it("says who asks for an unknown view, what to do, and what there is", () => {
    const ask = (run: Run) =>
      run.scores.request({ view: "masked", weights: "old", hint: "list RandomMaskPlugin in the recipe" });
    const register = (run: Run) => run.views.register({ name: "dark", raw: (picture) => picture });
    expect(() => host(new FirstPlugin(ask), new SecondPlugin(register))).toThrow(
      'FirstPlugin asks for the view "masked", and no plugin registers it: list RandomMaskPlugin in the recipe (registered are "original", "dark")',
    );
  });

  it("finds a view that a later plugin registers", () => {
    const ask = (run: Run) => run.scores.request({ view: "dark", weights: "old" });
    const register = (run: Run) => run.views.register({ name: "dark", raw: (picture) => picture });
    expect(
      host(new FirstPlugin(ask), new SecondPlugin(register))
        .scores()
        .map(({ key }) => key),
    ).toEqual(["dark/old/logProbs"]);
  });
});

describe("score requests", () => {
  it("merges requests for one array, with and without gradient, and never old with current", () => {
    const asking = host(
      new FirstPlugin((run) => {
        run.views.register({ name: "dark", raw: (picture) => picture });
        run.scores.request({ view: "dark", weights: "current" });
        run.scores.request({ weights: "current", gradient: true });
      }),
      new SecondPlugin((run) => {
        run.scores.request({ view: "dark", weights: "current", gradient: true });
        run.scores.request({ view: "dark", weights: "old" });
      }),
    );
    expect(asking.scores()).toEqual([
      {
        key: "dark/current/logProbs",
        view: "dark",
        weights: "current",
        output: "logProbs",
        against: null,
        stage: "experience",
        target: null,
        share: 1,
        gradient: true,
        plugins: ["FirstPlugin", "SecondPlugin"],
        active: true,
      },
      {
        key: "dark/old/logProbs",
        view: "dark",
        weights: "old",
        output: "logProbs",
        against: null,
        stage: "experience",
        target: null,
        share: 1,
        gradient: false,
        plugins: ["SecondPlugin"],
        active: true,
      },
    ]);
    expect(asking.plan()).toContain(
      'score: logProbs of the view "dark" under the current weights, for each minibatch, with gradient, for FirstPlugin, SecondPlugin',
    );
  });

  it("is inactive while its coefficient is 0, and planned anew when it is not", () => {
    const scheduled = first((run) => {
      const gamma = run.coefficient("gamma", 0);
      run.scores.request({ weights: "reference", while: gamma });
      run.hooks.coefficient.tap("FirstPlugin", (value, { name, step }) => (name === "gamma" && step > 1 ? 0.5 : value));
    });
    scheduled.beginStep({ step: 1, steps: 2 });
    expect(scheduled.scores()[0]).toMatchObject({ active: false });
    expect(scheduled.plan().at(-1)).toContain("off while its coefficient is 0");
    scheduled.beginStep({ step: 2, steps: 2 });
    expect(scheduled.scores()[0]).toMatchObject({ active: true });
    expect(scheduled.coefficients()).toEqual({ gamma: 0.5 });
  });

  it("refuses a gradient through weights that are not trained", () => {
    expect(() => first((run) => run.scores.request({ weights: "old", gradient: true }))).toThrow(
      "FirstPlugin asks for a gradient through the old weights",
    );
  });
});

describe("coefficients", () => {
  it("begin from their initial value in every step", () => {
    let coefficient: Coefficient | undefined;
    const halving = first((run) => {
      coefficient = run.coefficient("c", 1);
      run.hooks.coefficient.tap("FirstPlugin", (value) => value / 2);
    });
    expect(coefficient!.value).toBe(1);
    halving.beginStep(context);
    halving.beginStep(context);
    expect(coefficient!.value).toBe(0.5);
  });

  it("must be finite", () => {
    const broken = first((run) => {
      run.coefficient("c", 1);
      run.hooks.coefficient.tap("FirstPlugin", () => Number.NaN);
    });
    expect(() => broken.beginStep(context)).toThrow(
      'FirstPlugin failed in hook "coefficient": it returned NaN; return a finite number',
    );
    expect(() => first((run) => run.coefficient("c", Number.POSITIVE_INFINITY))).toThrow(
      'FirstPlugin declares the coefficient "c" as Infinity',
    );
  });
});

describe("state", () => {
  const counting = () => {
    const cells: { value: { count: number } }[] = [];
    const initial = { count: 0 };
    const made = first((run) => cells.push(run.state(initial), run.state(initial)));
    return { made, cells };
  };

  it("is saved as JSON and restored, and not shared", () => {
    const one = counting();
    one.cells[0]!.value.count = 3;
    const saved = JSON.parse(JSON.stringify(one.made.saveState())) as ReturnType<Host["saveState"]>;
    expect(saved).toEqual({ FirstPlugin: [{ count: 3 }, { count: 0 }] });
    const other = counting();
    expect(other.cells[0]!.value.count).toBe(0);
    other.made.loadState(saved);
    expect(other.cells.map(({ value }) => value.count)).toEqual([3, 0]);
  });

  it("refuses what JSON cannot hold and what another recipe saved", () => {
    const { made, cells } = counting();
    cells[1]!.value.count = Number.NaN;
    expect(() => made.saveState()).toThrow("FirstPlugin keeps NaN in state.count");
    cells[1]!.value = new Map() as never;
    expect(() => made.saveState()).toThrow("FirstPlugin keeps Map in state");
    expect(() => made.loadState({ OtherPlugin: [1] })).toThrow("The saved run holds state of OtherPlugin");
    expect(() => made.loadState({ FirstPlugin: [1] })).toThrow("FirstPlugin has 2 state cells and the saved run has 1");
  });
});

describe("metrics, events, randomness", () => {
  it("averages metrics per step and forgets them", () => {
    let run: Run | undefined;
    const made = first((own) => {
      run = own;
    });
    run!.metric("m", 1);
    run!.metric("m", 4);
    expect(made.takeMetrics()).toEqual({ m: 2.5 });
    expect(made.takeMetrics()).toEqual({});
  });

  it("refuses one metric from two plugins", () => {
    expect(() =>
      host(new FirstPlugin((run) => run.metric("m", 1)), new SecondPlugin((run) => run.metric("m", 1))),
    ).toThrow('SecondPlugin reports the metric "m", which is FirstPlugin\'s');
  });

  it("goes on when a listener throws or rejects, and the others still hear", async () => {
    const reports: string[] = [];
    const heard: unknown[] = [];
    const made = createHost([], { seed: 1, onListenerError: (message) => reports.push(message) });
    made.events.on("skip", () => {
      throw new Error("display gone");
    });
    made.events.on("skip", (() => Promise.reject(new Error("disk full"))) as () => void);
    made.events.on("skip", (event) => heard.push(event.reason));
    made.events.on("*", (type) => heard.push(type));
    made.events.emit("skip", { step: 1, what: "row", reason: "too long" });
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toEqual(["too long", "skip"]);
    expect(reports).toEqual(['A listener of "skip" failed: display gone', 'A listener of "skip" failed: disk full']);
  });

  it("gives each plugin random numbers of its own, the same in every run", () => {
    const words: (readonly [number, number])[] = [];
    const make = () =>
      host(
        new FirstPlugin((run) => words.push(run.random.words)),
        new SecondPlugin((run) => words.push(run.random.words)),
      );
    make();
    make();
    expect(words[0]).toEqual(words[2]);
    expect(words[0]).not.toEqual(words[1]);
  });
});
