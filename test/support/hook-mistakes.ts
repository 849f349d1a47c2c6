/** One plugin with one tap, and what every hook is called with: to see what is said of a mistake. */
import { ones, zeros } from "@tensorflow/tfjs-core";
import { expect } from "vitest";
import { createHost } from "../../core/host/host.ts";
import { PluginError } from "../../core/messages/plugin-error.ts";
import { createMinibatch } from "../../core/loss/loss-arrays.ts";
import type { JudgedGroup, Minibatch } from "../../core/contracts/step/batch.ts";
import type { Row } from "../../core/contracts/step/row.ts";
import { createHooks, type RunHooks } from "../../core/contracts/hooks.ts";
import type { Run } from "../../core/contracts/plugin.ts";
import { makeGroup, makeSample, type Host } from "../../core/testing.ts";
import { TapPlugin } from "./bandit.ts";

export type Any = (...args: never[]) => unknown;
export type HookName = keyof RunHooks;
/** Every hook that there is: a new one is among them by itself. */
export const hookNames = Object.keys(createHooks()) as HookName[];
export const asynchronous = hookNames.filter((hook) => createHooks()[hook].constructor.name.startsWith("Async"));

const hostOf = (apply: (run: Run) => void): Host =>
  createHost([new TapPlugin(apply)], { seed: 1, hookSeconds: 0.02, givenViews: ["dark"] });
/** A host whose one plugin taps a hook with this. */
export const tapped = (hook: HookName, fn: Any): Host =>
  hostOf(({ hooks }) => {
    const untyped = hooks[hook] as unknown as {
      tap(name: string, fn: Any): void;
      tapPromise(name: string, fn: Any): void;
    };
    if (asynchronous.includes(hook)) untyped.tapPromise("TapPlugin", fn);
    else untyped.tap("TapPlugin", fn);
  });

export const row = (id: string, prompt = "a"): Row => ({
  id,
  prompt,
  system: null,
  images: [],
  answer: "",
  fields: {},
});
export const samples = [0, 1, 2].map((index) => makeSample({ index, length: 2, reward: index }));
export const group: JudgedGroup = makeGroup({ samples });
export const place = { step: 1, steps: 10 };
export function minibatch(host: Host): Minibatch {
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
export const term = (batch: Minibatch, changes: object = {}): object => ({
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
  if (hook === "ended")
    return [{ ended: "finished", reason: null, ...place, last: null, checkpoint: null, resumedFrom: null }];
  const batch = minibatch(host);
  if (hook === "terms") return [[], batch];
  return hook === "advantages" ? [zeros([3, 2]), batch] : [ones([3, 2]), { term: "policy", slot: "after_clip", batch }];
}

/** What a call of a hook says whose one tap is this, as an error or as an alarm. */
export async function messageOf(hook: HookName, fn: Any): Promise<string> {
  const host = tapped(hook, fn);
  const alarms: string[] = [];
  host.events.on("alarm", ({ plugin, message }) => alarms.push(`${plugin} ${message}`));
  const called = host.hooks[hook] as unknown as { call: Any; promise: Any };
  try {
    const args = given(hook, host) as never[];
    await (asynchronous.includes(hook) ? called.promise(...args) : called.call(...args));
    host.takeMetrics();
  } catch (error) {
    expect(error).toBeInstanceOf(PluginError);
    return (error as Error).message;
  }
  return alarms[0] ?? "nothing was said";
}
