/** Guards every tap of a run: closes tapable's traps, makes errors name plugin and hook, and knows whose term is whose. */
import { AsyncSeriesBailHook, AsyncSeriesWaterfallHook } from "tapable";
import type { RunHooks } from "../pipeline/hooks.ts";
import type { Term } from "../loss/loss.ts";

/** A plugin's code failed; the message names plugin and place, `cause` is what was thrown. */
export class PluginError extends Error {
  readonly plugin: string;

  constructor(plugin: string, message: string, options?: ErrorOptions) {
    super(`${plugin} ${message}`, options);
    this.name = "PluginError";
    this.plugin = plugin;
  }
}

/** Wrap what a plugin threw; an error that already names a plugin (a hook called inside a hook) stays as it is. */
export function pluginError(plugin: string, where: string, thrown: unknown): PluginError {
  if (thrown instanceof PluginError) return thrown;
  return new PluginError(plugin, `failed in ${where}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, { cause: thrown });
}

/** Which plugin is being applied, and who gave which term: shared by the guard and the host. */
export interface Ownership {
  applying: string | null;
  readonly terms: Map<string, string>;
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
  intercept(options: { register(tap: RegisteredTap): RegisteredTap }): void;
}

/** Put the guard on every hook. Must be done before the first tap. */
export function guardTaps(hooks: RunHooks, ownership: Ownership): void {
  for (const [name, hook] of Object.entries(hooks)) {
    const isAsync = hook.constructor === AsyncSeriesWaterfallHook || hook.constructor === AsyncSeriesBailHook;
    const mayReturnNothing = hook.constructor === AsyncSeriesBailHook;
    const register = (tap: RegisteredTap): RegisteredTap => {
      const plugin = checkTap(tap, name, isAsync, ownership.applying);
      const check = (result: unknown, args: readonly unknown[]): unknown => {
        if (result === undefined && !mayReturnNothing) throw new Error("it returned nothing; return the value, changed or not");
        if (name === "terms") claimTerms(ownership.terms, plugin, args[0] as readonly Term[], result as readonly Term[]);
        return result;
      };
      const where = `hook "${name}"`;
      return { ...tap, fn: isAsync ? guardAsync(tap.fn, plugin, where, check) : guardSync(tap.fn, plugin, where, check) };
    };
    (hook as unknown as Interceptable).intercept({ register });
  }
}

/** Which plugin taps, if the tap is one that would do what it looks like. */
function checkTap(tap: RegisteredTap, hook: string, isAsync: boolean, applying: string | null): string {
  if (applying === null) throw new Error(`${tap.name} taps the hook "${hook}" outside apply; tap in apply, where the order of the recipe holds`);
  if (tap.name !== applying) throw new Error(`it taps the hook "${hook}" under the name "${tap.name}"; use its own name, this.name`);
  if (tap.before !== undefined || tap.stage !== undefined) {
    throw new Error(`it taps the hook "${hook}" with "before" or "stage"; the order is that of the recipe's array`);
  }
  const wanted = isAsync ? "promise" : "sync";
  if (tap.type !== wanted) throw new Error(`it taps the hook "${hook}" with the wrong method; use ${isAsync ? "tapPromise" : "tap"}`);
  return applying;
}

type Check = (result: unknown, args: readonly unknown[]) => unknown;

function guardSync(fn: Callback, plugin: string, where: string, check: Check): Callback {
  return (...args) => {
    try {
      const result = fn(...args);
      if (isThenable(result)) {
        result.then(undefined, () => undefined);
        throw new Error("it returned a promise, and this hook does not wait; give it a function that is not async");
      }
      return check(result, args);
    } catch (thrown) {
      throw pluginError(plugin, where, thrown);
    }
  };
}

function guardAsync(fn: Callback, plugin: string, where: string, check: Check): Callback {
  return async (...args) => {
    try {
      return check(await fn(...args), args);
    } catch (thrown) {
      throw pluginError(plugin, where, thrown);
    }
  };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** Terms that were not there before the tap are its plugin's; a name stays with whoever gave it first. */
function claimTerms(owners: Map<string, string>, plugin: string, before: readonly Term[], after: readonly Term[]): void {
  if (!Array.isArray(after)) throw new Error("it returned no list of terms");
  const known = new Set(before.map((term) => term.name));
  const seen = new Set<string>();
  for (const { name } of after as readonly Term[]) {
    if (seen.has(name)) throw new Error(`there are two terms named "${name}"${known.has(name) ? `, one by ${owners.get(name)}` : ""}`);
    seen.add(name);
    if (known.has(name)) continue;
    const owner = owners.get(name);
    if (owner !== undefined && owner !== plugin) throw new Error(`the term "${name}" is already ${owner}'s`);
    owners.set(name, plugin);
  }
}
