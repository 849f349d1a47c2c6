/** What was found, in a few words, for errors about values that a plugin gives. */
import { Tensor } from "@tensorflow/tfjs-core";
import { closest } from "fastest-levenshtein";

/** A value as a person would name it: "nothing", "a promise", "an int32 tensor [4,6]", "{ bogus: 1 }". */
export function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (
    value === null ||
    typeof value === "number" ||
    typeof value === "boolean" ||
    typeof value === "bigint" ||
    typeof value === "symbol"
  )
    return String(value);
  if (typeof value === "string")
    return `the text ${JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value)}`;
  if (typeof value === "function") return "a function";
  if (isTensor(value))
    return `${value.isDisposed ? "a disposed" : /^[aeiou]/.test(value.dtype) ? "an" : "a"} ${value.dtype} tensor [${value.shape.join()}]`;
  if (isThenable(value)) return "a promise";
  if (Array.isArray(value)) return value.length > 8 ? `a list of ${value.length}` : `[${value.map(short).join(", ")}]`;
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name} of ${(value as Float32Array).length} numbers`;
  return describeObject(value as Readonly<Record<string, unknown>>);
}

function describeObject(value: Readonly<Record<string, unknown>>): string {
  const { constructor: made } = value;
  if (typeof made === "function" && made !== Object && made.name !== "") return `a ${made.name}`;
  const fields = Object.keys(value).map((key) => `${key}: ${short(value[key])}`);
  return fields.length === 0 ? "{}" : `{ ${fields.slice(0, 6).join(", ")}${fields.length > 6 ? ", …" : ""} }`;
}

function short(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 20 ? `${value.slice(0, 17)}...` : value);
  return typeof value === "object" && value !== null && !(value instanceof Tensor)
    ? Array.isArray(value)
      ? "[…]"
      : "{…}"
    : describe(value);
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

export const isTensor = (value: unknown): value is Tensor => value instanceof Tensor;

/** An object that may be looked into: no list, no tensor, no null. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !ArrayBuffer.isView(value) &&
    !(value instanceof Tensor) &&
    !isThenable(value)
  );
}

/** `did you mean "terms"?`, and all there are. */
export const didYouMean = (name: string, known: readonly string[]): string =>
  `did you mean "${closest(name, known)}"? There are ${known.join(", ")}`;

/** Says which field of an object is none of those known; null when all are. */
export function strangeField(value: object, known: readonly string[], what: string): string | null {
  const strange = Object.keys(value).find((key) => !known.includes(key));
  return strange === undefined
    ? null
    : `${what} with the field "${strange}", which means nothing: ${didYouMean(strange, known)}`;
}

/**
 * The same object, on which reading a name that it has not is an error with the nearest one that it has, not
 * `undefined`. Its own fields cost nothing more.
 */
export function strict<T extends object>(object: T, what: string): T {
  const missing = new Proxy(Object.prototype, {
    get(target, key) {
      if (typeof key === "symbol" || key in target || ASKED_BY_LIBRARIES.includes(key))
        return Reflect.get(target, key) as unknown;
      throw new Error(`there is no ${what} "${key}": ${didYouMean(key, Object.keys(object))}`);
    },
  });
  return Object.setPrototypeOf(object, missing) as T;
}

/** Names that are asked for of any object: to see whether it is a promise or a tensor, and how it prints. */
const ASKED_BY_LIBRARIES = ["then", "toJSON", "asymmetricMatch", "$$typeof", "nodeType", "tagName", "data"];
