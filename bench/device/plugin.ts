/** The PJRT plugin that the command line names, opened once. */
import type { Pjrt } from "../../core/graph/xla/client/pjrt.ts";
import { openPlugin } from "../../core/graph/xla/client/plugin.ts";

let opened: Pjrt | null = null;

/** `--plugin <file>`; `--cpu` where it is not one for NVIDIA GPUs. */
export function openedPlugin(): Pjrt {
  const at = process.argv.indexOf("--plugin");
  const file = at < 0 ? undefined : process.argv[at + 1];
  if (file === undefined) throw new Error("name the plugin's library: --plugin <file>");
  return (opened ??= openPlugin(file, !process.argv.includes("--cpu")));
}
