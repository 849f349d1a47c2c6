/** Options of plugins, recipes and runs: validated once, with messages that say what to write instead. */
import { closest } from "fastest-levenshtein";
import type { z } from "zod";
import { guessOption } from "./known-names.ts";
import { holdsSecret } from "./secrets.ts";
import { keysOf, optionPaths, schemaAt } from "./schema-paths.ts";

type Issue = z.core.$ZodIssue;

/** Options that will not do: all mistakes at once, a line each. */
export class OptionsError extends Error {
  /** What they were held against. */
  readonly schema: z.ZodObject;

  constructor(mistakes: readonly string[], schema: z.ZodObject, cause: unknown) {
    super(mistakes.join("\n"), { cause });
    this.name = "OptionsError";
    this.schema = schema;
  }
}

/** What parsed options came from. */
export interface OptionsOrigin {
  readonly schema: z.ZodObject;
  /** As they were given, without defaults. */
  readonly given: unknown;
}

const origins = new WeakMap<object, OptionsOrigin>();

/** Where an object that `parseOptions` returned comes from; null for any other value. */
export const optionsOrigin = (options: unknown): OptionsOrigin | null =>
  typeof options === "object" && options !== null ? (origins.get(options) ?? null) : null;

/**
 * Check options against a strict object schema and fill in the defaults.
 * @param owner who asks: a plugin's name, "settings", a recipe's name; begins every message
 * @throws OptionsError naming the owner, each wrong key with the nearest known one, or the value found and what is
 * allowed
 */
export function parseOptions<S extends z.ZodObject>(owner: string, schema: S, options: unknown): z.output<S> {
  const result = schema.safeParse(options);
  if (!result.success)
    throw new OptionsError(
      result.error.issues
        .flatMap((issue) => describe(issue, owner, schema, options))
        .map((mistake) => `${owner}: ${mistake}`),
      schema,
      result.error,
    );
  origins.set(result.data, { schema, given: options });
  return result.data;
}

function describe(issue: Issue, owner: string, schema: z.ZodObject, options: unknown): string[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => unknownKey(owner, schema, path, key, valueAt(options, [...issue.path, key])));
  const where = path.join(".");
  if (where === "") return [`the options are ${show(options)}, allowed is an object`];
  const value = valueAt(options, issue.path);
  // Zod's word for "any value, but one".
  if (value === undefined && allowed(issue) === "nonoptional") return [`the option "${where}" is missing`];
  const isKey = holdsSecret(schema, path) || (issue.code === "custom" && issue.params?.["secret"] === true);
  const shown = isKey ? "(not shown, since a secret may stand there)" : show(value);
  return [`the option "${where}" is ${shown}, allowed is ${allowed(issue)}`];
}

function unknownKey(owner: string, schema: z.ZodObject, path: readonly string[], key: string, value: unknown): string {
  const known = keysOf(schemaAt(schema, path));
  const guess = guessOption({ owner, name: key, path, value, known, paths: optionPaths(schema) });
  if (known.length === 0)
    return `unknown option "${[...path, key].join(".")}"; ${guess === null ? "there are none" : `did you mean ${guess}? There are none here`}`;
  return `unknown option "${[...path, key].join(".")}"; did you mean ${guess ?? `"${closest(key, known)}"`}? Known are: ${known.join(", ")}`;
}

/** Words of the schema library, which are about its own types. */
const libraryWords = /^(?:Invalid (?:input|option|string|key)|Too (?:small|big)|Unrecognized)/;

/**
 * What is wrong with a value that a schema refused, in words for people: "gold is missing, allowed is string; seed is
 * -1, allowed is at least 0".
 */
export const faultsOf = (error: z.ZodError, value: unknown, prefix = ""): string =>
  error.issues
    .map((issue) => {
      const where = issue.path.length === 0 ? "" : `${prefix}${issue.path.join(".")}`;
      const own = libraryWords.test(issue.message) ? null : issue.message;
      const allowedIs = issue.code === "invalid_union" ? "" : `, allowed is ${allowed(issue)}`;
      if (issue.code === "unrecognized_keys")
        return `${where === "" ? "" : `${where}: `}${issue.keys.map((key) => `"${key}"`).join(", ")} is not known`;
      if (where === "") return own ?? `it is ${show(value)}${allowedIs}`;
      return own === null ? `${where} is ${show(valueAt(value, issue.path))}${allowedIs}` : `${where}: ${own}`;
    })
    .join("; ");

/** What a value may be, where it is not. */
function allowed(issue: Issue): string {
  if (issue.code === "invalid_value") return issue.values.map((value) => show(value)).join(" or ");
  if (issue.code === "invalid_type") return issue.expected;
  if (issue.code === "too_small")
    return `${issue.inclusive === false ? "more than" : "at least"} ${String(issue.minimum)}`;
  if (issue.code === "too_big")
    return `${issue.inclusive === false ? "less than" : "at most"} ${String(issue.maximum)}`;
  return issue.message;
}

function valueAt(options: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      value === null || value === undefined ? undefined : (value as Record<PropertyKey, unknown>)[part],
    options,
  );
}

/** A value in an error. */
export function show(value: unknown): string {
  if (value === undefined) return "missing";
  if (typeof value === "function") return "a function";
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  const text = typeof value === "symbol" ? value.toString() : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
