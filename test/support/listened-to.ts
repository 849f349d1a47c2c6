import type { Plugin } from "@papo/core";

/** The plugin, whose warnings are added to a list. */
export function listenedTo<P extends Plugin>(plugin: P, said: string[]): P {
  const apply = plugin.apply.bind(plugin);
  plugin.apply = (run) => apply({ ...run, warn: (message) => said.push(message) });
  return plugin;
}
