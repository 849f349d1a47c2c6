/** A recipe's plugins, applied: whether they are plugins, and what each of them is handed. */
import { type Events, eventNames } from "../contracts/events.ts";
import type { Plugin, Run } from "../contracts/plugin.ts";
import { describe, isRecord, isThenable, strict } from "../messages/describe.ts";
import { pluginError } from "../messages/plugin-error.ts";
import { identityOf, labelFault, labelledRun } from "./labels.ts";
import type { Parts } from "./parts.ts";
import { checkedView } from "./registered-view.ts";
import {
  checkEventName,
  checkedAuxiliary,
  checkedCopy,
  checkedEnvironment,
  checkedRequest,
  checkedScorer,
  checkedTeacher,
} from "./registrations.ts";

/** @throws Error for what is no plugin, and for names that are not their classes' or not unique */
export function checkPlugins(plugins: readonly Plugin[]): void {
  const seen = new Set<string>();
  for (const [place, plugin] of plugins.entries()) {
    const holds = (what: string, hint: string): Error => new Error(`The recipe holds ${what} at place ${place}${hint}`);
    if (Array.isArray(plugin)) throw holds("a list", "; spread it: [...list, plugin]");
    if (typeof plugin === "function") {
      const { name } = plugin as { name: string };
      throw holds(`the class ${name}`, `; make one: new ${name}()`);
    }
    if (!isRecord(plugin) || typeof plugin.apply !== "function") {
      throw holds(describe(plugin), ", which is no plugin: it needs a name and apply(run)");
    }
    const {
      name,
      label,
      constructor: { name: className },
    } = plugin;
    if (name !== className) {
      const rule = "name and class must be equal, errors go by them";
      throw new Error(`A plugin of class ${className} has the name "${name}"; ${rule}`);
    }
    const identity = identityOf(plugin);
    const fault = label === undefined ? null : labelFault(label);
    if (fault !== null) throw new Error(`The recipe lists ${name} with ${fault}`);
    if (seen.has(identity)) {
      const mend = `give the second ${label === undefined ? "a" : "another"} label: labelled(new ${name}(…), "second")`;
      throw new Error(`The recipe lists ${identity} twice; list it once, or ${mend}`);
    }
    seen.add(identity);
  }
}

/** Let a plugin tap and register. @throws PluginError for whatever goes wrong in it */
export function applyPlugin(plugin: Plugin, parts: Parts): void {
  const identity = identityOf(plugin);
  const { guarding } = parts;
  guarding.applying = { name: plugin.name, identity };
  try {
    const run = createRun(identity, parts);
    refuseWaiting(plugin.apply(plugin.label === undefined ? run : labelledRun(run, plugin.label)));
  } catch (thrown) {
    throw pluginError(identity, "apply", thrown);
  } finally {
    guarding.applying = null;
  }
}

/** What `apply` returns is nothing: taps that come after an await would come too late. */
function refuseWaiting(result: unknown): void {
  if (!isThenable(result)) return;
  result.then(undefined, () => undefined);
  throw new Error(
    "it returned a promise: apply is not async; tap and register at once, and wait inside of an asynchronous hook",
  );
}

/** What one plugin is handed. A name that is not there is an error that says which is near. */
function createRun(plugin: string, parts: Parts): Run {
  const { limitSeconds, registered } = parts.guarding;
  const { events } = parts;
  const on: Events["on"] = (type: string, listener: never) => {
    checkEventName(plugin, type, eventNames);
    (events.on as (type: string, listener: never) => void)(type, listener);
  };
  return strict<Run>(
    {
      hooks: strict({ ...parts.hooks }, "hook"),
      events: strict({ on, off: events.off, emit: events.emit }, "function of events"),
      views: { register: (view) => parts.views.add(plugin, checkedView(plugin, view, limitSeconds)) },
      scores: {
        request: (request) => parts.requests.request(plugin, checkedRequest(plugin, request, registered, limitSeconds)),
      },
      rewards: { register: (scorer) => parts.scorers.add(plugin, checkedScorer(plugin, scorer, limitSeconds)) },
      auxiliary: {
        register: (rollout) => parts.auxiliary.add(plugin, checkedAuxiliary(plugin, rollout, limitSeconds)),
      },
      environments: {
        register: (environment) =>
          parts.environments.add(plugin, checkedEnvironment(plugin, environment, limitSeconds)),
      },
      copies: { register: (copy) => parts.copies.add(plugin, checkedCopy(plugin, copy)) },
      teachers: { register: (teacher) => parts.teachers.add(plugin, checkedTeacher(plugin, teacher)) },
      coefficient: (name, initial) => parts.coefficients.declare(plugin, name, initial),
      state: (initial) => parts.states.declare(plugin, initial),
      keptGroups: (room) => parts.keptGroups.declare(plugin, room),
      random: parts.random.key("plugin", plugin),
      output: parts.output,
      metric: (name, value) => parts.metrics.add(plugin, name, value),
      warn: (message, about) => parts.warnings.once(plugin, message, about),
    },
    "part of a run",
  );
}
