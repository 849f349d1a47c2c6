/** A plugin that a recipe lists more than once: what its further instances go by, and what they name. */
import type { RolloutShare } from "../contracts/hook-values.ts";
import type { Hooks } from "../contracts/hooks.ts";
import type { Plugin, Run } from "../contracts/plugin.ts";
import type { ScoreRequest } from "../contracts/registered/scores.ts";
import type { Term } from "../contracts/step/term.ts";
import { describe, isRecord, strict } from "../messages/describe.ts";

/** Letters, digits, _ and -, so that names with it stay names of metrics, score keys and paths of `--set`. */
const LABEL = /^[A-Za-z0-9][\w-]*$/;

/** A name as an instance with this label has it: "noise/t" becomes "noise/t:strong". */
export const underLabel = (name: string, label: string | undefined): string =>
  label === undefined ? name : `${name}:${label}`;

/** What a plugin goes by in errors, saved state, random keys and the description of a run. */
export const identityOf = ({ name, label }: Pick<Plugin, "name" | "label">): string => underLabel(name, label);

/**
 * A plugin as a further instance of its class in a recipe: `[new DiffusionNoisePlugin(), labelled(new
 * DiffusionNoisePlugin({ strength: 800 }), "strong")]`. Whatever it names carries the label: the view "noisy" is
 * "noisy:strong" for others, its metrics, terms, coefficients, copies, scorers, targets, environments and auxiliary
 * rollouts likewise; its state, kept groups and random numbers are its own.
 * @throws Error for a label of other characters than letters, digits, _ and -, and for a plugin that has one
 */
export function labelled<P extends Plugin>(plugin: P, label: string): P & { readonly label: string } {
  const fault = labelFault(label);
  if (fault !== null) throw new Error(`${plugin.name} is given ${fault}`);
  if (plugin.label !== undefined)
    throw new Error(`${plugin.name} has the label "${plugin.label}" already; make another one for "${label}"`);
  return Object.assign(plugin, { label });
}

/** What is wrong with a label; null for a good one. */
export const labelFault = (label: unknown): string | null =>
  typeof label === "string" && LABEL.test(label)
    ? null
    : `the label ${describe(label)}; a label is a word of letters, digits, _ and -, such as "strong"`;

/**
 * What an instance with a label is handed: everything that it names gets the label, and its own views, copies and
 * targets are found by its own names.
 */
export function labelledRun(run: Run, label: string): Run {
  const full = (name: string): string => underLabel(name, label);
  const [views, copies] = [new Set<string>(), new Set<string>()];
  const own = (names: ReadonlySet<string>, name: string | undefined): string | undefined =>
    name !== undefined && names.has(name) ? full(name) : name;
  const registering =
    <T extends { readonly name: string }>(register: (item: T) => string, names?: Set<string>) =>
    (item: T): string => {
      const name = register(renamed(item, label));
      names?.add(item.name);
      return name;
    };
  const sideOf = ({ view, weights }: NonNullable<ScoreRequest["against"]>) => ({
    ...(view === undefined ? {} : { view: own(views, view)! }),
    ...(weights === undefined ? {} : { weights: own(copies, weights)! }),
  });
  return strict<Run>(
    {
      ...run,
      hooks: labelledHooks(run.hooks, label, (view) => own(views, view)!),
      views: { register: registering(run.views.register, views) },
      copies: { register: registering(run.copies.register, copies) },
      teachers: { register: registering(run.teachers.register, copies) },
      rewards: { register: registering(run.rewards.register) },
      auxiliary: { register: registering(run.auxiliary.register) },
      environments: { register: registering(run.environments.register) },
      scores: {
        request: (request) => {
          const { view, weights, target, against } = isRecord(request) ? request : ({} as ScoreRequest);
          const changes = {
            ...(view === undefined ? {} : { view: own(views, view)! }),
            weights: own(copies, weights)!,
            ...(isRecord(target) ? { target: renamed(target, label) } : {}),
            ...(isRecord(against) ? { against: { ...against, ...sideOf(against) } } : {}),
          };
          return run.scores.request(isRecord(request) ? { ...request, ...changes } : request);
        },
      },
      coefficient: (name, initial) => run.coefficient(typeof name === "string" ? full(name) : name, initial),
      metric: (name, value) => run.metric(typeof name === "string" ? full(name) : name, value),
    },
    "part of a run",
  );
}

/** Terms that its taps add get the label; views that it registered are sampled from by its own names. */
function labelledHooks(hooks: Hooks, label: string, ownView: (view: string) => string): Hooks {
  const terms: Pick<Hooks["terms"], "tap"> = {
    tap: (name, tap) =>
      hooks.terms.tap(name, (before, batch) => {
        const after: unknown = tap(before, batch);
        // What is no list of terms is for the guard to tell.
        return Array.isArray(after)
          ? after.map((term: Term) =>
              before.includes(term) || !isRecord(term) ? term : { ...term, name: underLabel(term.name, label) },
            )
          : (after as readonly Term[]);
      }),
  };
  const rollout: Pick<Hooks["rollout"], "tap"> = {
    tap: (name, tap) =>
      hooks.rollout.tap(name, (plan, context) => {
        const after: unknown = tap(plan, context);
        if (!isRecord(after) || !Array.isArray(after["shares"])) return after as typeof plan;
        const received = plan.shares.map(({ view }) => view);
        const named = (share: RolloutShare): RolloutShare => {
          const at = isRecord(share) ? received.indexOf(share.view) : -1;
          if (at >= 0) received.splice(at, 1);
          // A share that it received is another's, though its view may have the same short name.
          return at >= 0 || !isRecord(share) ? share : { ...share, view: ownView(share.view) };
        };
        return { ...(after as unknown as typeof plan), shares: (after["shares"] as RolloutShare[]).map(named) };
      }),
  };
  return strict<Hooks>({ ...hooks, terms, rollout }, "hook");
}

/** The same thing under another name; one without a name is left for its check to refuse. */
function renamed<T extends { readonly name: string }>(item: T, label: string): T {
  if (!isRecord(item) || typeof item.name !== "string" || item.name.trim() === "") return item;
  const name = underLabel(item.name, label);
  const fields: Readonly<Record<string | symbol, unknown>> = item;
  // An instance's methods may read private fields, which only the instance itself has.
  return new Proxy(item, {
    get: (_item, key) =>
      key === "name"
        ? name
        : typeof fields[key] === "function" && key !== "constructor"
          ? (fields[key] as (...args: unknown[]) => unknown).bind(item)
          : fields[key],
  });
}
