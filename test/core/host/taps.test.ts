import { describe, expect, it } from "vitest";
import "../../../core/math/backend.ts";
import { ones } from "@tensorflow/tfjs-core";
import { guardTaps, type Guarding } from "../../../core/host/taps.ts";
import { pluginError, PluginError } from "../../../core/messages/plugin-error.ts";
import type { Minibatch } from "../../../core/contracts/step/batch.ts";
import { createHooks, type RunHooks } from "../../../core/contracts/hooks.ts";
import type { Term } from "../../../core/contracts/step/term.ts";

const context = { name: "x", step: 1, steps: 1 };

/** Hooks under guard, tapped by a plugin that is being applied. */
function guarded(): {
  readonly hooks: RunHooks;
  readonly guarding: Guarding;
  readonly told: string[];
  apply(plugin: string, tap: (hooks: RunHooks) => void): void;
} {
  const hooks = createHooks();
  const told: string[] = [];
  const registered = {
    sampledViews: () => ["original"],
    besideRoom: () => 0,
    isCoefficient: (value: unknown): value is never => value === undefined,
  };
  const guarding: Guarding = {
    applying: null,
    terms: new Map(),
    counting: true,
    limitSeconds: 60,
    registered,
    kept: [],
    tell: ({ message }) => told.push(message),
  };
  guardTaps(hooks, guarding);
  const apply = (plugin: string, tap: (hooks: RunHooks) => void): void => {
    guarding.applying = { name: plugin, identity: plugin };
    tap(hooks);
    guarding.applying = null;
  };
  return { hooks, guarding, told, apply };
}

describe("a tap", () => {
  it("works as tapable's own when nothing is wrong with it", async () => {
    const { hooks, apply } = guarded();
    apply("A", ({ coefficient }) => {
      coefficient.tap("A", (value) => value + 1);
    });
    apply("B", ({ coefficient, stepped }) => {
      coefficient.tap("B", (value) => value * 10);
      stepped.tapPromise("B", () => Promise.resolve({ stop: "enough" }));
    });
    expect(hooks.coefficient.call(1, context)).toBe(20);
    expect(await hooks.stepped.promise({ step: 1, steps: 2, metrics: {} })).toEqual({ stop: "enough" });
  });

  it("is refused outside apply, under another name, out of order, and with the method of another kind", () => {
    const { hooks, apply } = guarded();
    expect(() => {
      hooks.coefficient.tap("A", (value) => value);
    }).toThrow('A taps the hook "coefficient" outside apply');
    expect(() => {
      apply("A", () => {
        hooks.coefficient.tap("B", (value) => value);
      });
    }).toThrow('under the name "B"; use its own name');
    expect(() => {
      apply("A", () => {
        hooks.coefficient.tap({ name: "A", stage: -1 }, (value) => value);
      });
    }).toThrow('with "before" or "stage"');
    expect(() => {
      apply("A", () => {
        hooks.rewards.tap("A", (rewards) => rewards);
      });
    }).toThrow("wrong method; use tapPromise");
    expect(hooks.coefficient.call(3, context)).toBe(3);
  });
});

it("a fault in a hook that decides nothing is told, and the plugins after it are called", async () => {
  const { hooks, told, apply } = guarded();
  const called: string[] = [];
  apply("A", ({ ended }) => {
    ended.tapPromise("A", () => Promise.reject(new Error("disk full")));
  });
  apply("B", ({ ended }) => {
    ended.tapPromise("B", () => Promise.resolve({ stop: "now" } as never));
  });
  apply("C", ({ ended }) => {
    ended.tapPromise("C", async ({ ended: how }) => void called.push(how));
  });
  await hooks.ended.promise({
    ended: "finished",
    reason: null,
    step: 1,
    steps: 1,
    last: null,
    checkpoint: null,
    resumedFrom: null,
  });
  expect(called).toEqual(["finished"]);
  expect(told).toEqual([
    'A failed in hook "ended": disk full',
    'B failed in hook "ended": it returned { stop: "now" }; return nothing: the run has ended',
  ]);
});

describe("the owner of a term", () => {
  const term = (name: string): Term => ({ name, value: ones([1, 1]), reduction: "token_mean" });
  const batch = { B: 1, T: 1, mask: ones([1, 1]) } as Minibatch;

  it("is the plugin that gave it first, also for those that change it later", () => {
    const { hooks, guarding, apply } = guarded();
    apply("A", ({ terms }) => {
      terms.tap("A", (list) => [...list, term("policy")]);
    });
    apply("B", ({ terms }) => {
      terms.tap("B", (list) => [...list.map((old) => ({ ...old, sign: -1 as const })), term("kl")]);
    });
    expect(hooks.terms.call([], batch).map(({ name }) => name)).toEqual(["policy", "kl"]);
    expect([...guarding.terms]).toEqual([
      ["policy", "A"],
      ["kl", "B"],
    ]);
  });

  it("is told when another plugin gives a second term of the name, or puts one in its place", () => {
    const twice = guarded();
    for (const name of ["A", "B"])
      twice.apply(name, ({ terms }) => {
        terms.tap(name, (list) => [...list, term("policy")]);
      });
    expect(() => twice.hooks.terms.call([], batch)).toThrow(
      'B failed in hook "terms": there are two terms named "policy", one by A',
    );
    const replaced = guarded();
    replaced.apply("A", ({ terms }) => {
      terms.tap("A", (list) => [...list, term("policy")]);
    });
    replaced.apply("B", ({ terms }) => {
      terms.tap("B", () => [term("kl")]);
    });
    expect(() => replaced.hooks.terms.call([], batch)).toThrow(
      'B failed in hook "terms": it returned the terms "kl" without "policy", which it received; return the terms received with yours',
    );
  });

  it("is asked for a list", () => {
    const { hooks, apply } = guarded();
    apply("A", ({ terms }) => {
      terms.tap("A", () => "policy" as never);
    });
    expect(() => hooks.terms.call([], batch)).toThrow(
      'A failed in hook "terms": it returned the text "policy", which is no list of terms; return the terms received with yours',
    );
  });
});

it("an error that names a plugin stays as it is; anything else that is thrown is wrapped", () => {
  const inner = new PluginError("A", "is broken");
  expect(pluginError("B", "a hook", inner)).toBe(inner);
  expect(pluginError("B", "a hook", 7)).toMatchObject({
    name: "PluginError",
    plugin: "B",
    message: "B failed in a hook: it threw 7, which is no Error",
    cause: 7,
  });
});
