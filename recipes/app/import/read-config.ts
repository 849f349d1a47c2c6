/** A peer's configuration as a flat list: YAML, JSON, or the words of a command in a shell script. */
import { isMap, isScalar, LineCounter, parseDocument, type ParsedNode } from "yaml";
import type { Peer } from "../../run-file/peers/counterparts.ts";

export interface Entry {
  /** Full, with dots. */
  readonly key: string;
  readonly value: unknown;
  /** In its file, from 1. */
  readonly line: number;
  /** Its file, where that is not the one that is imported. */
  readonly file?: string;
}

export interface PeerConfig {
  readonly peer: Peer;
  /** In the order of the file; of equal keys the last. */
  readonly entries: readonly Entry[];
}

/** @throws Error with what was found, where it is no configuration that is known here */
export function readConfig(text: string, file: string): PeerConfig {
  const read = /\.(sh|bash|txt)$/i.test(file) ? ofCommand(text) : ofYaml(text, file);
  const entries = [...new Map(read.map((entry) => [entry.key, entry])).values()].sort((a, b) => a.line - b.line);
  return { peer: peerOf(entries, file), entries };
}

function peerOf(entries: readonly Entry[], file: string): Peer {
  const has = (prefix: RegExp): boolean => entries.some(({ key }) => prefix.test(key));
  if (has(/^actor_rollout_ref\./)) return "verl";
  if (has(/^worker\./)) return "easyr1";
  if (has(/^(per_device_train_batch_size|num_generations|reward_funcs|beta|max_completion_length|model_name_or_path|learning_rate|output_dir|dataset_name)$/)) return "trl";
  const found = entries.slice(0, 5).map(({ key }) => key).join(", ");
  throw new Error(`${file} is no configuration of TRL (GRPOConfig), verl (actor_rollout_ref. …) or EasyR1 (worker. …): it has ${found === "" ? "no options" : found}`);
}

function ofYaml(text: string, file: string): Entry[] {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter });
  const [error] = document.errors;
  if (error !== undefined) throw new Error(`${file} cannot be read as YAML or JSON: ${error.message.split("\n")[0]}`);
  const entries: Entry[] = [];
  const walk = (node: ParsedNode | null, path: readonly string[]): void => {
    if (!isMap(node)) return;
    for (const { key, value } of node.items) {
      const name = [...path, String(isScalar(key) ? key.value : key)];
      // An empty map is a value, one with options is none.
      if (isMap(value) && value.items.length > 0) walk(value as ParsedNode, name);
      else entries.push({ key: name.join("."), value: plain(value === null ? null : (value as ParsedNode).toJS(document) as unknown), line: counter.linePos(key.range?.[0] ?? 0).line });
    }
  };
  walk(document.contents, []);
  return entries;
}

/** "1e-6" is a text in YAML 1.2, and a number to those who wrote it. */
const plain = (value: unknown): unknown => (typeof value === "string" ? valueOf(value) : value);

/** Overrides of hydra and OmegaConf (a.b=1, +a.b=1) and flags (--a 1, --a=1), with the script's own variables filled in. */
function ofCommand(text: string): Entry[] {
  const variables = new Map<string, string>();
  const entries: Entry[] = [];
  const lines = text.split("\n");
  lines.forEach((written, at) => {
    const words = wordsOf(written, variables);
    const assignment = words.length > 0 && /^(?:export\s+)?[A-Za-z_]\w*=/.test(written.trim()) && !written.trim().includes(" \\") ? /^(\w+)=(.*)$/.exec(words.at(words[0] === "export" ? 1 : 0)!) : null;
    if (assignment !== null && words.length <= 2) return void variables.set(assignment[1]!, assignment[2]!);
    words.forEach((word, place) => {
      const override = /^(?:\+{0,2})([A-Za-z_][\w]*(?:\.[\w-]+)+)=([^]*)$/.exec(word);
      const flag = /^--([\w-]+)(?:=([^]*))?$/.exec(word);
      if (override !== null) entries.push({ key: override[1]!, value: valueOf(override[2]!), line: at + 1 });
      else if (flag !== null) {
        const next: string[] = [];
        for (const other of words.slice(place + 1)) if (/^--|^[>|&]/.test(other)) break; else next.push(other);
        const given = flag[2] ?? (next.length === 0 ? "true" : next.length === 1 ? next[0]! : JSON.stringify(next));
        entries.push({ key: flag[1]!.replaceAll("-", "_"), value: valueOf(given), line: at + 1 });
      }
    });
  });
  return entries;
}

/** Words of a line as a shell has them; a comment and the backslash at its end are none. */
function wordsOf(line: string, variables: ReadonlyMap<string, string>): string[] {
  const words: string[] = [];
  for (const [word] of line.matchAll(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\])+/g)) {
    if (word.startsWith("#")) break;
    const text = word.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'|([^"']+)/g, (_, double?: string, single?: string, bare?: string) => single ?? filled(double ?? bare ?? "", variables));
    if (text !== "\\" && text.trim() !== "") words.push(text.replace(/\\$/, ""));
  }
  return words;
}

/** $NAME, ${NAME} and ${NAME:-default}; a name that the script does not set stays as it is. */
const filled = (text: string, variables: ReadonlyMap<string, string>): string =>
  text.replace(/\$\{(\w+)(?::?-([^}]*))?\}|\$([A-Za-z_]\w*)/g, (whole, name?: string, otherwise?: string, bare?: string) => variables.get(name ?? bare!) ?? otherwise ?? whole);

/** What a text says: a number, true and false as Python or YAML has them, null, a list, or itself. */
function valueOf(text: string): unknown {
  const trimmed = text.trim();
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) return Number(trimmed);
  if (/^(true|false)$/i.test(trimmed)) return trimmed.toLowerCase() === "true";
  // "none" is a value of some options, Python's None is none.
  if (/^(null|None|~)$/.test(trimmed)) return null;
  if (/^[[{]/.test(trimmed)) {
    const { errors, contents } = parseDocument(trimmed);
    if (errors.length === 0 && contents !== null) return contents.toJS(parseDocument(trimmed)) as unknown;
  }
  return trimmed;
}
