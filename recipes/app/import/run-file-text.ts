/** The run file's text. */
import { peers, type Peer } from "../../run-file/peers/counterparts.ts";
import type { Draft, Note } from "./draft.ts";
import { reasonFor } from "./reasons.ts";

const rewards = /RewardPlugin$/;

export function runFileText(draft: Draft, peer: Peer, source: string): { readonly text: string; readonly left: readonly Note[] } {
  const left = [...draft.left, ...draft.unread().map((entry) => ({ entry, reason: reasonFor(entry.key) }))].sort((a, b) => a.entry.line - b.entry.line);
  const rewarded = draft.plugins.some(({ name }) => rewards.test(name) && name !== "ReferenceKlRewardPlugin");
  const plugins = rewarded ? draft.plugins : [...draft.plugins, { name: "MathRewardPlugin", options: { weight: 1 } }];
  const names = [...new Set(plugins.map(({ name }) => name))].sort();
  const made = plugins.map(({ name, options }) => `    new ${name}(${Object.keys(options).length === 0 ? "" : code(options)}),\n`);
  const remarks = draft.remarks.map((note) => `// ${lineOf(note)}\n`);
  const text = `/** Made from ${peers[peer]}'s ${JSON.stringify(source)}. ${left.length === 0 ? "All of it was carried over." : `${left.length} option${left.length === 1 ? " was" : "s were"} not carried over: see the end.`} Paths are relative to this file. */
import { defineRun, grpo } from "@papo/recipes";
import { ${names.join(", ")} } from "@papo/plugins";

${remarks.length === 0 ? "" : `// Carried over, and not quite the same:\n${remarks.join("")}\n`}export default defineRun({
  model: ${JSON.stringify(draft.model)},
  data: ${code(Object.keys(draft.data).length === 0 ? { path: "./data" } : draft.data)},
  plugins: [
    ...grpo(${code(draft.recipe)}),
${made.join("")}  ],${rewarded ? "" : " // MathRewardPlugin stands in for the reward, which was not carried over"}
  settings: ${code(draft.settings, "  ")},
${Object.keys(draft.evaluation).length === 0 ? "" : `  evaluation: ${code(draft.evaluation)},\n`}  output: ${JSON.stringify(draft.output)},
});
${left.length === 0 ? "" : `\n// Not carried over:\n${left.map((note) => `// ${lineOf(note)}\n`).join("")}`}`;
  return { text, left };
}

/** One line, whatever stands in the value. */
const lineOf = ({ entry: { key, value, line, file }, reason }: Note): string => `${file === undefined ? "" : `${file}, `}line ${line}, ${key}: ${JSON.stringify(value)} – ${reason}`.replace(/[\r\n\u2028\u2029]+/g, " ");

/** A literal of TypeScript; names without quotes where they need none. @param indent given, a name a line */
function code(value: unknown, indent?: string): string {
  if (Array.isArray(value)) return `[${value.map((part) => code(part)).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const pairs = Object.entries(value).map(([name, part]) => `${/^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name)}: ${code(part)}`);
  if (pairs.length === 0) return "{}";
  return indent === undefined ? `{ ${pairs.join(", ")} }` : `{\n${pairs.map((pair) => `${indent}  ${pair},\n`).join("")}${indent}}`;
}
