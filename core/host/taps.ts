/**
 * Guards every tap of a run: closes tapable's traps, makes errors name plugin and hook, and knows whose term is whose.
 */
import { PluginError, pluginError } from "../messages/plugin-error.ts";
import { AsyncSeriesBailHook, AsyncSeriesHook, AsyncSeriesWaterfallHook } from "tapable";
import type { Term } from "../contracts/step/term.ts";
import { collectKept, tensorCount, type Kept } from "../math/tensor-numbers.ts";
import type { RunHooks } from "../contracts/hooks.ts";
import { contractOf, type Registered } from "../contracts/results/returning.ts";
import { describe, isThenable } from "../messages/describe.ts";
import { changedPlace, digestsOf, disposedPlace, freezeGiven, ownCopy, type Digests } from "./inputs.ts";
import { within } from "./time-limit.ts";

/** What the guard knows of a run. */
export interface Guarding {
  /** The plugin that is being applied: its class's name, under which it taps, and what it goes by. */
  applying: { readonly name: string; readonly identity: string } | null;
  /** Who gave which term. */
  readonly terms: Map<string, string>;
  /** Whether tensors are counted before and after each asynchronous tap. */
  counting: boolean;
  /** Seconds that an asynchronous tap, or a function that a plugin registered, may take. */
  readonly limitSeconds: number;
  readonly registered: Registered;
  /** Tensors that taps kept with `tf.keep` or `tf.variable`. */
  readonly kept: KeptTensors[];
  /** Tells of a fault in a hook whose taps decide nothing: it ends neither the run nor the hook. */
  readonly tell: (fault: PluginError) => void;
}

export interface KeptTensors {
  readonly plugin: string;
  readonly where: string;
  readonly tensors: Kept;
}

type Callback = (...args: unknown[]) => unknown;

/** What tapable hands a register interceptor: the tap with the options it would obey. */
interface RegisteredTap {
  readonly type: string;
  readonly name: string;
  readonly fn: Callback;
  readonly before?: unknown;
  readonly stage?: unknown;
}

interface Interceptable {
  /** Names of the arguments. */
  readonly _args: readonly string[];
  intercept(options: { call?(): void; register(tap: RegisteredTap): RegisteredTap }): void;
}

/** Put the guard on every hook. Must be done before the first tap. */
export function guardTaps(hooks: RunHooks, guarding: Guarding): void {
  for (const [name, hook] of Object.entries(hooks)) {
    const told = hook.constructor === AsyncSeriesHook;
    const isAsync = told || hook.constructor === AsyncSeriesWaterfallHook || hook.constructor === AsyncSeriesBailHook;
    const { wanted, fault } = contractOf(hook);
    const { _args: names } = hook as unknown as Interceptable;
    const shared: SharedInputs = { digests: null };
    const register = (tap: RegisteredTap): RegisteredTap => {
      const plugin = checkTap(tap, name, isAsync, guarding.applying);
      const check = (result: unknown, args: readonly unknown[]): unknown => {
        const wrong = fault(result, args as never, guarding.registered);
        if (wrong !== null) throw new Error(`it returned ${wrong}; return ${wanted}`);
        if (name === "terms") claimTerms(guarding.terms, plugin, args[0] as readonly Term[], result as readonly Term[]);
        return ownCopy(result);
      };
      const guard: Guard = { plugin, where: `hook "${name}"`, names, check, guarding, shared };
      // Plans and errors name instances, not classes.
      return { ...tap, name: plugin, fn: isAsync ? guardAsync(tap.fn, guard, told) : guardSync(tap.fn, guard) };
    };
    const call = (): void => void (shared.digests = null);
    (hook as unknown as Interceptable).intercept(isAsync ? { register } : { register, call });
  }
}

/** Which plugin taps, if the tap is one that would do what it looks like. */
function checkTap(tap: RegisteredTap, hook: string, isAsync: boolean, applying: Guarding["applying"]): string {
  if (applying === null)
    throw new Error(
      `${tap.name} taps the hook "${hook}" outside apply; tap in apply, where the order of the recipe holds`,
    );
  if (tap.name !== applying.name)
    throw new Error(`it taps the hook "${hook}" under the name "${tap.name}"; use its own name, this.name`);
  if (tap.before !== undefined || tap.stage !== undefined) {
    throw new Error(`it taps the hook "${hook}" with "before" or "stage"; the order is that of the recipe's array`);
  }
  const wanted = isAsync ? "promise" : "sync";
  if (tap.type !== wanted)
    throw new Error(`it taps the hook "${hook}" with the wrong method; use ${isAsync ? "tapPromise" : "tap"}`);
  if (typeof tap.fn !== "function")
    throw new Error(`it taps the hook "${hook}" with ${describe(tap.fn)}; give a function`);
  return applying.identity;
}

/**
 * Digests of what all taps of a call are given: nothing else runs between those of a synchronous hook, so that they
 * hold until a tap changes something.
 */
interface SharedInputs {
  digests: Digests | null;
}

/** One tap under guard. */
interface Guard {
  readonly plugin: string;
  readonly where: string;
  readonly names: readonly string[];
  readonly guarding: Guarding;
  readonly shared: SharedInputs;
  check(result: unknown, args: readonly unknown[]): unknown;
}

function guardSync(fn: Callback, guard: Guard): Callback {
  const { plugin, where, guarding, shared } = guard;
  return (...args) => {
    const tensors: Kept = [];
    const outer = collectKept(tensors);
    try {
      const before = prepare(args, guard, shared.digests);
      const result = fn(...args);
      if (isThenable(result)) {
        result.then(undefined, () => undefined);
        throw new Error("it returned a promise, and this hook does not wait; give it a function that is not async");
      }
      checkInputs(args, before, guard);
      shared.digests = before.shared;
      return guard.check(result, args);
    } catch (thrown) {
      throw pluginError(plugin, where, thrown);
    } finally {
      collectKept(outer);
      if (tensors.length > 0) guarding.kept.push({ plugin, where, tensors });
    }
  };
}

/** @param told whether a fault is told, and not thrown */
function guardAsync(fn: Callback, guard: Guard, told: boolean): Callback {
  const { plugin, where, guarding } = guard;
  return async (...args) => {
    try {
      const before = prepare(args, guard, null);
      const count = tensorCount();
      const result = await within(guarding.limitSeconds, () => fn(...args));
      checkInputs(args, before, guard);
      const checked = guard.check(result, args);
      const left = tensorCount() - count;
      // Later on, something else may run between the tap's beginning and its end.
      if (guarding.counting && left > 0)
        throw new Error(
          `it left ${left} tensor${left === 1 ? "" : "s"} in memory, as it would in every step; wrap the work with tensors in tf.tidy`,
        );
      return checked;
    } catch (thrown) {
      const fault = pluginError(plugin, where, thrown);
      if (!told) throw fault;
      guarding.tell(fault);
      return undefined;
    }
  };
}

/** Digests of a tap's inputs: what it alone is given, and what all taps of the hook are. */
interface Before {
  readonly own: Digests;
  readonly shared: Digests;
}

/** Freeze what a tap is given, and remember the numbers in it. @param known digests of what all taps are given */
function prepare(args: readonly unknown[], { names }: Guard, known: Digests | null): Before {
  args.forEach(freezeGiven);
  return { own: digestsOf(args.slice(0, 1), names), shared: known ?? digestsOf(args.slice(1), names.slice(1)) };
}

/** @throws Error naming what the tap changed or disposed */
function checkInputs(args: readonly unknown[], { own, shared }: Before, { names }: Guard): void {
  const disposed = disposedPlace(args, names);
  if (disposed !== null)
    throw new Error(`it disposed "${disposed}", which others read after it; dispose only tensors of its own`);
  const changed =
    changedPlace(own, digestsOf(args.slice(0, 1), names)) ??
    changedPlace(shared, digestsOf(args.slice(1), names.slice(1)));
  if (changed !== null)
    throw new Error(
      `it changed "${changed}" in place, which others read after it; change a copy (slice(), { ...x }) and return that`,
    );
}

/** @throws PluginError naming who kept tensors that are still there, with their hook; forgets all */
export function checkKept({ kept }: Guarding): void {
  const left = kept
    .splice(0)
    .map(({ tensors, ...who }) => ({ ...who, tensors: tensors.filter((tensor) => !tensor.isDisposed) }))
    .find(({ tensors }) => tensors.length > 0);
  if (left === undefined) return;
  const { plugin, where, tensors } = left;
  const shape = `[${tensors[0]!.shape.join()}]`;
  tensors.forEach((tensor) => tensor.dispose());
  throw new PluginError(
    plugin,
    `kept ${tensors.length} tensor${tensors.length === 1 ? "" : "s"} in ${where} (tf.keep or tf.variable; shape ${shape}), as it would in every step until memory is full; keep plain numbers instead, dataSync() gives a copy`,
  );
}

/** Terms that were not there before the tap are its plugin's; a name stays with whoever gave it first. */
function claimTerms(
  owners: Map<string, string>,
  plugin: string,
  before: readonly Term[],
  after: readonly Term[],
): void {
  const known = new Set(before.map((term) => term.name));
  const seen = new Set<string>();
  for (const { name } of after) {
    if (seen.has(name))
      throw new Error(`there are two terms named "${name}"${known.has(name) ? `, one by ${owners.get(name)}` : ""}`);
    seen.add(name);
    if (known.has(name)) continue;
    const owner = owners.get(name);
    if (owner !== undefined && owner !== plugin) throw new Error(`the term "${name}" is already ${owner}'s`);
    owners.set(name, plugin);
  }
}
