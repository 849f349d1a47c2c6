/** What a hook's taps must return: declared beside the hook, used by the guard around each tap and by docs/hooks.md. */
import type { Coefficient } from "../registered/coefficient.ts";

/** What plugins registered, for results that name some of it. */
export interface Registered {
  /** Names of the views that responses can be sampled from. */
  sampledViews(): readonly string[];
  /** Kept groups that a step may train on beside its own, over all plugins. */
  besideRoom(): number;
  /** Whether `run.coefficient` gave it. */
  isCoefficient(value: unknown): value is Coefficient;
}

/** Says what is wrong with a result, as it goes on after "it returned"; null when nothing is. */
export type Fault<A extends readonly unknown[] = readonly unknown[]> = (
  result: unknown,
  args: A,
  registered: Registered,
) => string | null;

export interface Contract {
  /** What to return, as it goes on after "return": for errors and for the page of hooks. */
  readonly wanted: string;
  readonly fault: (result: unknown, args: never, registered: Registered) => string | null;
}

const contracts = new WeakMap<object, Contract>();

/** The hook, with what its taps must return. */
export function returning<H extends { promise(...args: never[]): unknown }>(
  hook: H,
  wanted: string,
  fault: Fault<Parameters<H["promise"]>>,
): H {
  contracts.set(hook, { wanted, fault });
  return hook;
}

/** @throws Error for a hook without one */
export function contractOf(hook: object): Contract {
  const contract = contracts.get(hook);
  if (contract === undefined) throw new Error("a hook without a contract: declare it with returning(…)");
  return contract;
}
