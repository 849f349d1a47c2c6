/** Errors that are a plugin's. */
import { describe } from "./describe.ts";

/** A plugin's code failed; the message names plugin and place, `cause` is what was thrown. */
export class PluginError extends Error {
  readonly plugin: string;
  /** The message without the plugin's name, for alarms, which have it beside them. */
  readonly what: string;

  constructor(plugin: string, message: string, options?: ErrorOptions) {
    super(`${plugin} ${message}`, options);
    this.name = "PluginError";
    this.plugin = plugin;
    this.what = message;
  }
}

/** Wrap what a plugin threw; an error that already names a plugin (a hook called inside a hook) stays as it is. */
export function pluginError(plugin: string, where: string, thrown: unknown): PluginError {
  if (thrown instanceof PluginError) return thrown;
  return new PluginError(plugin, `failed in ${where}: ${reasonOf(thrown)}`, { cause: thrown });
}

function reasonOf(thrown: unknown): string {
  if (typeof thrown === "string") return thrown;
  if (!(thrown instanceof Error)) return `it threw ${describe(thrown)}, which is no Error`;
  const inPlace =
    thrown instanceof TypeError &&
    /read only|not extensible|only a getter|Cannot (assign|delete|define)/.test(thrown.message);
  return inPlace
    ? `${thrown.message}; what a plugin is given is not to be changed in place: return a new value`
    : thrown.message;
}
