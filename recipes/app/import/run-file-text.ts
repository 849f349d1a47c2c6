/** The run file's text: each part with comments where an option of the peer would stand that was not carried over. */
import { peers, type Peer } from "../../run-file/peers/counterparts.ts";
import type { Draft, Note, PluginCall, Setting } from "./draft.ts";
import { reasonFor, type Place } from "./reasons.ts";

const isReward = ({ name }: PluginCall): boolean => /RewardPlugin$/.test(name) && name !== "ReferenceKlRewardPlugin";

/** @param source of the peer's defaults; @param missing a file that the configuration changes and that was not found */
export function runFileText(
  draft: Draft,
  peer: Peer,
  file: string,
  source: string,
  missing?: string,
): { readonly text: string; readonly left: readonly Note[] } {
  const left = [...draft.left, ...draft.unread(reasonFor)].sort((a, b) => a.order - b.order);
  const comments = commentsOf(left, draft.remarks);
  const rewarded = draft.plugins.some(isReward);
  if (!rewarded) draft.plugins.push({ name: "MathRewardPlugin", options: { weight: 1 } });
  const method = methodLines(draft);
  const calls = [...draft.before, ...method.calls, ...draft.plugins];
  const names = [...new Set(calls.map(({ name }) => name))].sort();
  const inComment = (name: string): string => JSON.stringify(name).replaceAll("*/", "*\u200b/");
  const carried =
    left.length === 0
      ? "All of it was carried over."
      : `${left.length} option${left.length === 1 ? " was" : "s were"} not carried over: a comment says so at each place.`;
  const lacking =
    missing === undefined
      ? ""
      : `\n * It changes ${inComment(missing)}, which was not found: what stands there is missing here.`;
  const text = `/**
 * Made from ${peers[peer]}'s ${inComment(file)}. ${carried}
 * Where it is silent, this says what ${source} does.${lacking} Paths are relative to this file.
 */
import { ${["defineRun", ...method.recipes].join(", ")} } from "@papo/recipes";
import { ${names.join(", ")} } from "@papo/plugins";

export default defineRun({
${comments("model", "  ")}  model: ${JSON.stringify(draft.model)},
${comments("data", "  ")}  data: ${code(Object.keys(draft.data).length === 0 ? { path: "./data" } : draft.data)},
  plugins: [
${comments("plugins", "    ")}${[...draft.before.map(made), ...method.lines, ...draft.plugins.map(made)].map((line) => `    ${line},\n`).join("")}  ],${rewarded ? "" : " // MathRewardPlugin stands in for the reward, which was not carried over"}
  settings: {
${settingLines(
  draft.settings,
  [...left, ...draft.remarks].filter(({ place }) => place === "settings"),
  new Set(left),
  source,
)}  },
${comments("evaluation", "  ")}${Object.keys(draft.evaluation).length === 0 ? "" : `  evaluation: ${code(draft.evaluation)},\n`}${comments("output", "  ")}  output: ${JSON.stringify(draft.output)},
});
`;
  return { text, left };
}

/** grpo() with its options; or the plugins one by one where one of them is another one. */
function methodLines({ method: { options, advantage, objective, papo } }: Draft): {
  readonly lines: readonly string[];
  readonly calls: readonly PluginCall[];
  readonly recipes: readonly string[];
} {
  const around = (base: string): string => (papo === undefined ? `...${base}` : `...papo(${base}, ${code(papo)})`);
  const recipes = papo === undefined ? [] : ["papo"];
  if (advantage === undefined && objective === undefined)
    return { lines: [around(`grpo(${code(options)})`)], calls: [], recipes: ["grpo", ...recipes] };
  const { clipLow, clipHigh, dualClip, reduction, normalise, referenceKl } = options;
  const calls: PluginCall[] = [
    advantage ?? { name: "GroupAdvantagePlugin", options: normalise === undefined ? {} : { normalise } },
    objective ?? { name: "ClippedObjectivePlugin", options: { clipLow, clipHigh, dualClip, reduction } },
    ...(typeof referenceKl === "number" && referenceKl > 0
      ? [{ name: "ReferenceKlPlugin", options: { coefficient: referenceKl, reduction } }]
      : []),
  ];
  return papo === undefined
    ? { lines: calls.map(made), calls, recipes }
    : { lines: [around(`[${calls.map(made).join(", ")}]`)], calls, recipes };
}

const made = ({ name, options }: PluginCall): string =>
  `new ${name}(${Object.keys(options).length === 0 ? "" : code(options)})`;

/**
 * Settings in the order of the peer's file, with what was left out between them; what the file does not say comes last.
 */
function settingLines(
  settings: ReadonlyMap<string, Setting>,
  notes: readonly Note[],
  left: ReadonlySet<Note>,
  source: string,
): string {
  const groups = new Map<string, { value: unknown; order: number }>();
  for (const [path, { value, order }] of settings) {
    const [name, inner] = path.split(".") as [string, string?];
    const group = groups.get(name);
    if (inner === undefined) groups.set(name, { value, order });
    else
      groups.set(name, {
        value: { ...(group?.value as object | undefined), [inner]: value },
        order: Math.min(group?.order ?? Infinity, order),
      });
  }
  const lines = [
    ...[...groups].map(([name, { value, order }]) => ({ order, text: `    ${name}: ${code(value)},\n` })),
    ...notes.map((note) => ({ order: note.order - 0.5, text: comment(note, left.has(note), "    ") })),
  ].sort((a, b) => (a.order === b.order ? 0 : a.order - b.order));
  const at = lines.findIndex(({ order }) => order === Infinity);
  const silent = at < 0 ? [] : lines.slice(at);
  return `${lines
    .slice(0, at < 0 ? undefined : at)
    .map(({ text }) => text)
    .join(
      "",
    )}${silent.length === 0 ? "" : `    // Where the file is silent, as ${source}:\n`}${silent.map(({ text }) => text).join("")}`;
}

const commentsOf =
  (left: readonly Note[], remarks: readonly Note[]) =>
  (place: Place, indent: string): string => {
    const isLeft = new Set(left);
    const here = [...left, ...remarks].filter((note) => note.place === place).sort((a, b) => a.order - b.order);
    return here.map((note) => comment(note, isLeft.has(note), indent)).join("");
  };

/** Options whose values are nobody's business: TRL's hub_token, an api_key of a reward server. */
const isKey =
  /(?:^|[._])(?:(?:hub|hf|auth|access|api)_?token|api_?keys?|password|secret|authorization|headers)$|(?:^|\.)token$/i;

/** One line, whatever stands in the value. */
function comment({ entry: { key, value, line, file }, reason }: Note, left: boolean, indent: string): string {
  const where = line === null ? "not in the file" : `${file === undefined ? "" : `${file}, `}line ${line}`;
  return (
    `${indent}// ${where}, ${key}: ${isKey.test(key) && typeof value !== "boolean" && value !== null ? "(not copied, since it may be a key)" : JSON.stringify(value)} – ${left ? "not carried over: " : ""}${reason}`.replace(
      /[\r\n\u2028\u2029]+/g,
      " ",
    ) + "\n"
  );
}

/** A literal of TypeScript; names without quotes where they need none. */
function code(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((part) => code(part)).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const pairs = Object.entries(value)
    .filter(([, part]) => part !== undefined)
    .map(([name, part]) => `${/^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name)}: ${code(part)}`);
  return pairs.length === 0 ? "{}" : `{ ${pairs.join(", ")} }`;
}
