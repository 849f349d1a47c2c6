/**
 * Options that must not be seen: keys of servers. They are marked once, in the schema (`secret()`), come from the
 * environment by name (`environment("NAME")`), are written nowhere, and are struck out of every text that may hold
 * them.
 */
import { inspect } from "node:util";
import { z } from "zod";

/** What stands in place of a secret. */
const STRUCK = "(secret)";
/** Shorter texts are no keys, and striking them out would take words apart. */
const SHORTEST = 6;

/** Texts to strike out. */
const known = new Set<string>();
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
  if (value === undefined || value === "") throw new Error(`the environment variable ${name}, which holds a secret, is not set: export ${name}=…`);
  return new Secret(before + value);
}

/** For the schema of a plugin's options: a text that is kept as a Secret. */
export const secret = () => z.union([z.instanceof(Secret), z.string()]).transform((value) => (value instanceof Secret ? value : new Secret(value)));

/** The text with every secret that is known struck out. */
export function withoutSecrets(text: string): string {
  return anyKnown === undefined ? text : text.replace(anyKnown, STRUCK);
}

/** A header's "Bearer <key>" is known by the key too; both as they are, in JSON and in an address. */
function remember(value: string): void {
  const parts = [value, ...value.split(/\s+/)].filter((part) => part.length >= SHORTEST && part !== STRUCK && !schemes.has(part.toLowerCase()));
  const forms = parts.flatMap((part) => [part, JSON.stringify(part).slice(1, -1), encodeURIComponent(part)]);
  for (const form of forms) known.add(form);
  if (known.size === 0) return;
  const longestFirst = [...known].sort((a, b) => b.length - a.length);
  anyKnown = new RegExp(longestFirst.map((form) => form.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|"), "g");
}

/** Words of a header that are no part of a key. */
const schemes = new Set(["bearer", "digest", "apikey", "api-key"]);
