/**
 * Whole runs in which one tap of one hook does something wrong in one step: whether it is told, and whether the run
 * goes on from where it was.
 */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fill, ones, Tensor, type Tensor2D } from "@tensorflow/tfjs-core";
import { grpo } from "@papo/recipes";
import { createHooks } from "../../core/contracts/hooks.ts";
import type { Run } from "../../core/contracts/plugin.ts";
import type { Dataset } from "../../core/data/dataset.ts";
import { train } from "../../core/pipeline/run.ts";
import { type TrainOptions } from "../../core/pipeline/run/options.ts";
import { banditSettings, letterRows, ScorerPlugin, TapPlugin, temporaryFolder } from "./bandit.ts";
import { tabularPolicy } from "./tabular-policy.ts";

/** Every hook that there is: a new one is among them by itself. */
export const hookNames = Object.keys(createHooks()) as (keyof ReturnType<typeof createHooks>)[];
export type HookName = (typeof hookNames)[number];

const isTensor = (value: unknown): value is Tensor2D => value instanceof Tensor;

type Result = (right: unknown) => unknown;
const never = (): Promise<never> => new Promise(() => undefined);

/** What a tap does in place of returning what is right. */
export const hookFaults: Readonly<Record<string, Result>> = {
  throws: () => {
    throw new Error("on purpose");
  },
  rejects: () => Promise.reject(new Error("on purpose")),
  hangs: never,
  "wrong shape": (right) =>
    isTensor(right)
      ? ones([1, 1])
      : Array.isArray(right)
        ? [...(right as unknown[]), {}]
        : typeof right === "number"
          ? [right]
          : { bogus: 1 },
  NaN: (right) =>
    isTensor(right) ? fill(right.shape, NaN) : Array.isArray(right) ? (right as unknown[]).map(() => NaN) : NaN,
  Infinity: (right) =>
    isTensor(right)
      ? fill(right.shape, Infinity)
      : Array.isArray(right)
        ? (right as unknown[]).map(() => Infinity)
        : Infinity,
  undefined: () => undefined,
  huge: (right) => huge(right),
};

/** As much of the same kind as one can write. */
function huge(right: unknown): unknown {
  if (isTensor(right)) return fill(right.shape, 3e38);
  if (typeof right === "number") return 1e308;
  if (Array.isArray(right))
    return right.length > 0 && typeof right[0] === "number"
      ? right.map(() => 1e308)
      : Array.from({ length: 100_000 }, () => (right as unknown[])[0]);
  if (typeof right === "object" && right !== null)
    return Object.fromEntries(
      Object.entries(right).map(([key, value]) => [
        key,
        typeof value === "number" ? Number.MAX_SAFE_INTEGER : Array.isArray(value) ? huge(value) : value,
      ]),
    );
  return "x".repeat(10_000_000);
}

const steps = 4;
const faultyStep = 3;
const settings = { ...banditSettings, steps, checkpointEvery: 1, hookSeconds: 0.1, promptsPerStep: 2 };

/** The fault in the faulty step, else what is right; counts faults. */
export type Faulty = (right: unknown, step?: number) => unknown;

/** A function of a plugin that the pipeline calls. */
export interface Place {
  /** As messages have it. */
  readonly name: string;
  /** Registers or taps it. */
  readonly apply: (run: Run, faulty: Faulty) => void;
  readonly dataset?: Dataset;
}

const isAsynchronous = (hook: HookName): boolean => createHooks()[hook].constructor.name.startsWith("Async");

const hookPlace = (hook: HookName): Place => ({
  name: hook,
  apply: (run, faulty) => {
    run.coefficient("c", 1);
    const untyped = run.hooks[hook] as unknown as Record<
      string,
      (name: string, fn: (value: unknown, context: unknown) => unknown) => void
    >;
    const stepOf = (context: unknown): number | undefined => (context as { readonly step?: number } | undefined)?.step;
    const work = (value: unknown, context: unknown): unknown => {
      if (hook === "ended") return faulty(undefined, faultyStep);
      return hook === "stepped" ? faulty(undefined, stepOf(value)) : faulty(value, stepOf(context));
    };
    untyped[isAsynchronous(hook) ? "tapPromise" : "tap"]!(
      "TapPlugin",
      isAsynchronous(hook) ? async (value, context) => work(value, context) : work,
    );
  },
});

interface Called {
  count: number;
}

/** A plugin with one such function, whose result in one step is the fault's; null: it is right in all. */
function pluginWith({ apply }: Place, fault: Result | null, called: Called): TapPlugin {
  return new TapPlugin((run) => {
    let now = 0;
    run.hooks.prompts.tapPromise("TapPlugin", async (rows, { step }) => ((now = step), rows));
    apply(run, (right, step = now) => {
      if (fault === null || step !== faultyStep) return right;
      called.count++;
      return fault(right);
    });
  });
}

async function run(
  plugin: TapPlugin,
  dataset: Dataset,
  output: string,
  resume = false,
): Promise<{ readonly error: string | null; readonly alarms: readonly string[] }> {
  const alarms: string[] = [];
  const options: TrainOptions = {
    policy: tabularPolicy(),
    plugins: [new ScorerPlugin(), ...grpo({ referenceKl: 0 }), plugin],
    dataset,
    settings,
    output,
    resume,
    onEvents: (events) => events.on("alarm", ({ plugin: who, message }) => alarms.push(`${who} ${message}`)),
  };
  const ended = train(options).then(
    () => null,
    (error: unknown) => (error as Error).message,
  );
  const late = new Promise<string>((resolve) => setTimeout(resolve, 300_000, "it hangs").unref());
  return { error: await Promise.race([ended, late]), alarms };
}

const contents = (output: string): string =>
  ["metrics.jsonl", `checkpoints/step-${steps}/policy/weights.json`, `rewards/step-${steps}.jsonl`]
    .map((name) => readFileSync(join(output, name), "utf8"))
    .join("\n");
const raw = /Cannot read propert|is not a function|is not iterable|\bundefined\b|\[object |Invalid array length/;

export interface HookOutcome {
  /** What was said; null: the result was as good as another. */
  readonly error: string | null;
  /** What is not as it should be; null: nothing. */
  readonly loss: string | null;
}

/** A fault of a hook's tap. */
export const tryHook = (hook: HookName, fault: string): Promise<HookOutcome> => tryPlace(hookPlace(hook), fault);

/** Faults that are never as good as another result. */
const neverRight = ["throws", "rejects", "hangs"];

/**
 * A run with the fault in one step, and what came of it: it is told and the run goes on from where it was, or it was no
 * fault. A fault at the end of a run is an alarm, and the run is as one without it.
 */
export async function tryPlace(place: Place, fault: string): Promise<HookOutcome> {
  const { name, dataset = letterRows } = place;
  const folder = temporaryFolder();
  const [whole, faulty] = [join(folder, "whole"), join(folder, "faulty")];
  try {
    const called = { count: 0 };
    const alone = await run(pluginWith(place, null, called), dataset, whole);
    if (alone.error !== null) throw new Error(`the run without a fault failed: ${alone.error}`);
    const { error, alarms } = await run(pluginWith(place, hookFaults[fault]!, called), dataset, faulty);
    const loss = (what: string): HookOutcome => ({ error, loss: `${name}, ${fault}: ${what}` });
    if (called.count === 0) return loss("it was not called");
    if (error === null) {
      const metrics = readFileSync(join(faulty, "metrics.jsonl"), "utf8");
      const weights = readFileSync(join(faulty, `checkpoints/step-${steps}/policy/weights.json`), "utf8");
      if (/null|NaN|Infinity/.test(weights)) return loss("weights that are not finite were saved");
      // What changed nothing is right after all; what changed something and is no result that one would want is told.
      const silent = contents(faulty) !== contents(whole) && alarms.length === 0 && fault !== "huge";
      const named = alarms.find((message) => message.startsWith(`TapPlugin failed in hook "${name}": `)) ?? null;
      if (neverRight.includes(fault) && alarms.length === 0) return loss("nothing was said");
      if (name === "ended" && (contents(faulty) !== contents(whole) || (fault !== "undefined" && named === null)))
        return loss(`the end is not told, or changed the run: ${alarms.join()}`);
      return silent
        ? loss(`it trained otherwise and nothing was said: ${metrics.slice(-100)}`)
        : { error: named, loss: null };
    }
    if (!new RegExp(`TapPlugin.*(hook "${name}"|${name})`).test(error) && !/Step 3 failed/.test(error))
      return loss(`it is not named: ${error}`);
    if (raw.test(error)) return loss(`a library's words: ${error}`);
    if (!/step [23] is safe/.test(error)) return loss(`what is safe is not said: ${error}`);
    const again = await run(pluginWith(place, null, called), dataset, faulty, true);
    if (again.error !== null) return loss(`it does not go on: ${again.error}`);
    return contents(faulty) === contents(whole) ? { error, loss: null } : loss("it ends otherwise");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
