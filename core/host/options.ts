/** Options of plugins, recipes and runs: validated once, with messages that say what to write instead. */
import { closest } from "fastest-levenshtein";
import { z } from "zod";

type Issue = z.core.$ZodIssue;

/**
 * Check options against a strict object schema and fill in the defaults.
 * @param owner who asks: a plugin's name, "settings", a recipe's name; begins every message
 * @throws Error naming the owner, each wrong key with the nearest known one, or the value found and what is allowed
 */
export function parseOptions<S extends z.ZodObject>(owner: string, schema: S, options: unknown): z.output<S> {
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  throw new Error(result.error.issues.map((issue) => `${owner}: ${describe(issue, schema, options)}`).join("\n"), { cause: result.error });
}

function describe(issue: Issue, schema: z.ZodObject, options: unknown): string {
  const where = issue.path.join(".");
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(schema, issue.path);
    return issue.keys.map((key) => unknownKey(where === "" ? key : `${where}.${key}`, key, known)).join("; ");
  }
  if (where === "") return `the options are ${show(options)}, allowed is an object`;
  const value = valueAt(options, issue.path);
  // Zod's word for "any value, but one".
  if (value === undefined && allowed(issue) === "nonoptional") return `the option "${where}" is missing`;
  return `the option "${where}" is ${show(value)}, allowed is ${allowed(issue)}`;
}

function unknownKey(full: string, key: string, known: readonly string[]): string {
  if (known.length === 0) return `unknown option "${full}"; there are none`;
  return `unknown option "${full}"; did you mean "${closest(key, known)}"? Known are: ${known.join(", ")}`;
}

/** Keys of the object schema at a path, defaults and optionals unwrapped. */
function knownKeys(schema: z.ZodObject, path: readonly PropertyKey[]): string[] {
  let current: unknown = schema;
  for (const part of path) {
    current = unwrap(current);
    current = current instanceof z.ZodObject ? current.shape[String(part)] : undefined;
  }
  current = unwrap(current);
  return current instanceof z.ZodObject ? Object.keys(current.shape) : [];
}

function unwrap(schema: unknown): unknown {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodPrefault) {
    return unwrap(schema.unwrap());
  }
  return schema;
}

function allowed(issue: Issue): string {
  if (issue.code === "invalid_value") return issue.values.map((value) => show(value)).join(" or ");
  if (issue.code === "invalid_type") return issue.expected;
  if (issue.code === "too_small") return `${issue.inclusive === false ? "more than" : "at least"} ${String(issue.minimum)}`;
  if (issue.code === "too_big") return `${issue.inclusive === false ? "less than" : "at most"} ${String(issue.maximum)}`;
  return issue.message;
}

function valueAt(options: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, part) => (value === null || value === undefined ? undefined : (value as Record<PropertyKey, unknown>)[part]), options);
}

function show(value: unknown): string {
  if (value === undefined) return "missing";
  if (typeof value === "function") return "a function";
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  const text = typeof value === "symbol" ? value.toString() : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
