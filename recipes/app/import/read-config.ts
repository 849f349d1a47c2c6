/** A peer's configuration as a flat list: YAML, JSON, or the words of a command in a shell script. */
import { quoted } from "@papo/core";
import { isMap, isScalar, LineCounter, parseDocument, type ParsedNode } from "yaml";
import type { Peer } from "../../run-file/peers/counterparts.ts";
import { ofCommand } from "./read-command.ts";
import { valueOf } from "./value-of.ts";

export interface Entry {
  /** Full, with dots. */
  readonly key: string;
  readonly value: unknown;
  /** In its file, from 1; null where the file is silent, and the value the peer's default. */
  readonly line: number | null;
  /** Its file, where that is not the one that is imported. */
  readonly file?: string;
}

export interface PeerConfig {
  readonly peer: Peer;
  /** In the order of the file; of equal keys the last. */
  readonly entries: readonly Entry[];
  /** A file that these options change, as a script of EasyR1 names it. */
  readonly base?: string;
}

/** @throws Error with what was found, where it is no configuration that is known here */
export function readConfig(text: string, file: string): PeerConfig {
  const read = /\.(sh|bash|txt)$/i.test(file) ? ofCommand(text) : { entries: ofYaml(text, file) };
  const entries = [...new Map(read.entries.map((entry) => [entry.key, entry])).values()].sort(
    (a, b) => a.line! - b.line!,
  );
  return { ...read, peer: peerOf(entries, file), entries };
}

function peerOf(entries: readonly Entry[], file: string): Peer {
  const has = (prefix: RegExp): boolean => entries.some(({ key }) => prefix.test(key));
  if (has(/^actor_rollout_ref\./)) return "verl";
  if (has(/^worker\./)) return "easyr1";
  if (
    has(
      /^(per_device_train_batch_size|num_generations|reward_funcs|beta|max_completion_length|model_name_or_path|learning_rate|output_dir|dataset_name)$/,
    )
  )
    return "trl";
  const found = entries
    .slice(0, 5)
    .map(({ key }) => quoted(key))
    .join(", ");
  throw new Error(
    `${file} is no configuration of TRL (GRPOConfig), verl (actor_rollout_ref. …) or EasyR1 (worker. …): it has ${found === "" ? "no options" : found}`,
  );
}

/**
 * The parser takes minutes where a text nests thousands deep: 500 brackets that are open at once, 100 lists or keys on
 * one line.
 */
function isNestedTooDeep(text: string): boolean {
  let depth = 0;
  for (const character of text) {
    if (character === "[" || character === "{") depth++;
    else if (character === "]" || character === "}") depth--;
    if (depth > 500) return true;
  }
  return /(?:[-?:][ \t]+){100}/.test(text);
}

/** A text of aliases is far larger than it looks. */
function ofYaml(text: string, file: string): Entry[] {
  if (isNestedTooDeep(text)) throw new Error(`${file} cannot be read as YAML or JSON: it is nested too deep`);
  try {
    return entriesOf(text, file);
  } catch (error) {
    if (error instanceof ReferenceError)
      throw new Error(
        `${file} cannot be read as YAML: its aliases (*name) stand for more than 100 values, or for none`,
        { cause: error },
      );
    throw error;
  }
}

function entriesOf(text: string, file: string): Entry[] {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter });
  const [error] = document.errors;
  if (error !== undefined)
    throw new Error(`${file} cannot be read as YAML or JSON: ${quoted(error.message.split("\n")[0]!)}`);
  const entries: Entry[] = [];
  const walk = (node: ParsedNode | null, path: readonly string[]): void => {
    if (!isMap(node)) return;
    for (const { key, value } of node.items) {
      const name = [...path, String(isScalar(key) ? key.value : key)];
      // An empty map is a value, one with options is none.
      if (isMap(value) && value.items.length > 0) walk(value as ParsedNode, name);
      else
        entries.push({
          key: name.join("."),
          value: plain(value === null ? null : ((value as ParsedNode).toJS(document) as unknown)),
          line: counter.linePos(key.range?.[0] ?? 0).line,
        });
    }
  };
  walk(document.contents, []);
  return entries;
}

/** "1e-6" is a text in YAML 1.2, and a number to those who wrote it. */
const plain = (value: unknown): unknown => (typeof value === "string" ? valueOf(value) : value);
