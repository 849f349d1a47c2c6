/**
 * Options that must not be seen: keys of servers. They are marked once, in the schema (`secret()`), come from the
 * environment by name (`environment("NAME")`), are written nowhere, and are struck out of every text that may hold
 * them.
 */
import { inspect } from "node:util";
import { z } from "zod";
import { unwrapped } from "./schema-paths.ts";

/** What stands in place of a secret. */
const STRUCK = "(secret)";
/** Shorter texts are no keys, and striking them out would take words apart. */
const SHORTEST = 6;

/** Texts to strike out, each with the pattern that finds it. */
const known = new Map<string, string>();
/**
 * Finds any of them, the longest first; in one pass, so that what stands in place of one is not searched for another
 * ("secret").
 */
let anyKnown: RegExp | undefined;

/** A value that shows itself to nobody but who asks for it. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    remember(value);
  }

  /** The value itself: for a request, never for a text that a person or a file gets. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return STRUCK;
  }

  toJSON(): string {
    return STRUCK;
  }

  [inspect.custom](): string {
    return STRUCK;
  }
}

/**
 * The value of an environment variable, as a secret: `headers: { Authorization: environment("REWARD_KEY", "Bearer ")
 * }`.
 * @param before what stands before the value
 * @throws Error when there is no such variable
 */
export function environment(name: string, before = ""): Secret {
  const value = process.env[name];
  if (value === undefined || value === "")
    throw new Error(`the environment variable ${name}, which holds a secret, is not set: export ${name}=…`);
  return new Secret(before + value);
}

/** For the schema of a plugin's options: a text that is kept as a Secret. */
export const secret = () =>
  z
    .union([z.instanceof(Secret), z.string()])
    .transform((value) => (value instanceof Secret ? value : new Secret(value)))
    .meta({ secret: true });

/**
 * Whether a secret may stand at a path of a schema, or below it. A schema says so by `secret()`, or by
 * `meta({ secret: true })` where a text may hold one.
 */
export function holdsSecret(schema: unknown, path: readonly string[] = []): boolean {
  const inner = unwrapped(schema);
  if (!(inner instanceof z.ZodType)) return false;
  if ([schema, inner].some((one) => (one as z.ZodType).meta()?.["secret"] === true)) return true;
  const [first, ...rest] = path;
  if (inner instanceof z.ZodObject) {
    const shape = inner.shape as Readonly<Record<string, unknown>>;
    return first === undefined
      ? Object.values(shape).some((part) => holdsSecret(part))
      : Object.hasOwn(shape, first) && holdsSecret(shape[first], rest);
  }
  if (inner instanceof z.ZodRecord) return holdsSecret(inner.valueType, rest);
  if (inner instanceof z.ZodArray) return holdsSecret(inner.element, rest);
  if (inner instanceof z.ZodUnion) return inner.options.some((option) => holdsSecret(option, path));
  return false;
}

/** The text with every secret that is known struck out. */
export function withoutSecrets(text: string): string {
  return anyKnown === undefined ? text : text.replace(anyKnown, STRUCK);
}

/** A header's "Bearer <key>" is known by the key too. */
function remember(value: string): void {
  const parts = [value, ...value.split(/\s+/)].filter(
    (part) => part.length >= SHORTEST && part !== STRUCK && !schemes.has(part.toLowerCase()),
  );
  for (const part of parts) known.set(part, [...part].map(anyForm).join(""));
  if (known.size === 0) return;
  const longestFirst = [...known].sort(([a], [b]) => b.length - a.length);
  anyKnown = new RegExp(longestFirst.map(([, pattern]) => pattern).join("|"), "g");
}

/**
 * A pattern for a character as it is, behind backslashes (JSON may write \/ for /, and JSON within JSON two of them),
 * as JSON's \u002f, as an address's %2F, and as HTML's &#47; or &#x2F;. All runs are bounded: a server's text must not
 * make the search slow.
 */
function anyForm(character: string): string {
  const units = Array.from({ length: character.length }, (_, at) =>
    character.charCodeAt(at).toString(16).padStart(4, "0"),
  );
  const code = character.codePointAt(0)!;
  const bytes = [...Buffer.from(character)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`);
  const escaped = units.map((unit) => `\\\\{1,4}u${anyCase(unit)}`).join("");
  const itself = `${/["/\\]/.test(character) ? "\\\\{0,4}" : ""}${character.replace(/[\\^$.*+?()[\]{}|/]/, "\\$&")}`;
  return `(?:${itself}|${escaped}|${anyCase(bytes.join(""))}|&#(?:0{0,8}${code}|[xX]0{0,8}${anyCase(code.toString(16))});)`;
}

const anyCase = (hex: string): string => hex.replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);

/** Words of a header that are no part of a key. */
const schemes = new Set(["bearer", "digest", "apikey", "api-key"]);
