/** The fields of what plugins register: all of them known, each what it must be. */
import { describe, isRecord, strangeField } from "../messages/describe.ts";
import { PluginError } from "../messages/plugin-error.ts";

/** What a field must be, where it is not; false where it is. */
export type Wrong = string | false;

/** The thing is an object of these fields, and those that it must have are what they must be. */
export function checkFields(
  plugin: string,
  what: string,
  item: unknown,
  known: readonly string[],
  wrong: Readonly<Record<string, Wrong>>,
): void {
  if (!isRecord(item))
    throw new PluginError(plugin, `${what} ${describe(item)}; give an object with ${known.join(", ")}`);
  const strange = item.constructor === Object ? strangeField(item, known, what) : null;
  if (strange !== null) throw new PluginError(plugin, strange);
  const fault = Object.entries(wrong).find(([, wanted]) => wanted !== false);
  if (fault !== undefined)
    throw new PluginError(
      plugin,
      `${what} with the ${fault[0]} ${describe(item[fault[0]])}; it must be ${String(fault[1])}`,
    );
}

export const unlessName = (value: unknown): Wrong => !(typeof value === "string" && value.trim() !== "") && "a name";
export const unlessFunction = (value: unknown, needed = false): Wrong =>
  !(typeof value === "function" || (value === undefined && !needed)) && "a function";
export const unlessOneOf = (value: unknown, choices: readonly unknown[]): Wrong =>
  !(value === undefined || choices.includes(value)) && choices.map((choice) => JSON.stringify(choice)).join(" or ");
export const unlessCount = (value: unknown): Wrong =>
  !(value === undefined || (Number.isInteger(value) && (value as number) > 0)) && "a whole number from 1";
/** The fields of something that may be no object. */
export const fieldsOf = <T>(item: T): Partial<T> => (isRecord(item) ? item : {});
