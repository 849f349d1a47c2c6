/** Which options a schema has, nested ones by path. */
import { z } from "zod";

/** A schema without what stands around it: defaults, null, optional. */
export function unwrapped(schema: unknown): unknown {
  if (
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNonOptional ||
    schema instanceof z.ZodReadonly
  ) {
    return unwrapped(schema.unwrap());
  }
  return schema;
}

/** The schema at a path of object schemas, unwrapped; undefined where there is none. */
export function schemaAt(schema: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((current, part) => {
    const inner = unwrapped(current);
    return inner instanceof z.ZodObject && Object.hasOwn(inner.shape, part) ? inner.shape[part] : undefined;
  }, schema);
}

/** Names of an object schema's options; none of any other schema. */
export function keysOf(schema: unknown): string[] {
  const inner = unwrapped(schema);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

/** Every option that holds a value: "seed", "sampling.topP"; an object of options comes before those in it. */
export function optionPaths(schema: unknown, path: readonly string[] = []): string[] {
  return keysOf(schemaAt(schema, path)).flatMap((key) => [
    [...path, key].join("."),
    ...optionPaths(schema, [...path, key]),
  ]);
}
