/**
 * Parquet's values as rows have them: hyparquet rounds decimals and cuts times to milliseconds, so it is asked for what
 * is stored, and the schema says what that means.
 */
import { getFloat16 } from "@petamoriken/float16";
import { parquetSchema, type FileMetaData, type SchemaElement, type SchemaTree } from "hyparquet";
import { decimalText, NumberText, shortestFloat16, shortestFloat32, wholeNumber } from "../values/number-text.ts";
import type { ColumnKind } from "./blocks.ts";
import { storedJson, uuidText } from "../values/stored-json.ts";
import { dateText, timestampText, timeText, type TimeUnit } from "../values/times.ts";

type Convert = (value: unknown) => unknown;
type LogicalType = NonNullable<SchemaElement["logical_type"]>;

/** The same file to hyparquet, its values as they are stored. */
export function asStored(metadata: FileMetaData): FileMetaData {
  return {
    ...metadata,
    schema: metadata.schema.map((element) => (meaningOf(element) === null ? element : plainElement(element))),
  };
}

function plainElement({ converted_type: _, logical_type: __, ...element }: SchemaElement): SchemaElement {
  return element as SchemaElement;
}

/** By column, what makes rows' values of stored ones; columns whose values are right as they are, are left out. */
export function converters(metadata: FileMetaData): ReadonlyMap<string, Convert> {
  return new Map(
    parquetSchema(metadata).children.flatMap((column) => {
      const convert = convertOf(column);
      return convert === null ? [] : [[column.element.name, convert] as const];
    }),
  );
}

/** What a column holds, for questions about columns. */
export function kindOf({ element, children }: SchemaTree): ColumnKind {
  const inner = element.converted_type === "LIST" ? children[0]?.children[0] : undefined;
  if (inner !== undefined) return kindOf(inner);
  const names = children.map((child) => child.element.name);
  if (names.includes("bytes") && names.includes("path")) return "picture";
  if (children.length > 0 && element.converted_type === undefined && element.logical_type === undefined)
    return new Map(children.map((child) => [child.element.name, kindOf(child)]));
  return element.type === "BYTE_ARRAY" && element.converted_type === undefined && element.logical_type === undefined
    ? "bytes"
    : "other";
}

function convertOf(tree: SchemaTree): Convert | null {
  const { element, children } = tree;
  if (children.length === 0) {
    const own =
      meaningOf(element) ??
      (element.type === "FLOAT"
        ? (value) => shortestFloat32(value as number)
        : element.type === "INT64"
          ? (value) => wholeNumber(BigInt(value as bigint))
          : null);
    if (own === null) return null;
    return element.repetition_type === "REPEATED" ? each(own) : present(own);
  }
  const [repeated] = children;
  if (element.converted_type === "LIST" && children.length === 1 && repeated!.element.repetition_type === "REPEATED") {
    // Three levels as the format asks for, or two as older writers have it.
    const item =
      repeated!.children.length === 1
        ? repeated!.children[0]!
        : { ...repeated!, element: { ...repeated!.element, repetition_type: "OPTIONAL" as const } };
    const inner = convertOf(item);
    return inner === null ? null : each(inner);
  }
  if (element.converted_type === "MAP" && repeated?.children.length === 2) {
    const inner = convertOf(repeated.children[1]!);
    return inner === null
      ? null
      : present((value) => Object.fromEntries(Object.entries(value as object).map(([key, one]) => [key, inner(one)])));
  }
  const fields = children.flatMap((child) => {
    const convert = convertOf(child);
    return convert === null ? [] : [[child.element.name, convert] as const];
  });
  if (fields.length === 0) return null;
  const whole = present((value) => ({
    ...(value as object),
    ...Object.fromEntries(fields.map(([name, convert]) => [name, convert((value as Record<string, unknown>)[name])])),
  }));
  return element.repetition_type === "REPEATED" ? each(whole) : whole;
}

const present =
  (convert: Convert): Convert =>
  (value) =>
    value === null || value === undefined ? null : convert(value);
const each = (convert: Convert): Convert =>
  present((value) => Array.from(value as ArrayLike<unknown>, present(convert)));

const units: Readonly<Record<string, TimeUnit>> = { MILLIS: "ms", MICROS: "us", NANOS: "ns" };

/** What a stored value stands for, where hyparquet is asked to leave it alone; null: nothing else than it is. */
function meaningOf(element: SchemaElement): Convert | null {
  const { converted_type: converted, logical_type: logical } = element;
  if (logical !== undefined) {
    const known = byLogicalType(logical);
    if (known !== null) return known;
  }
  switch (converted) {
    case "DECIMAL":
      return decimal(element.scale ?? 0);
    case "DATE":
      return (value) => dateText(value as number);
    case "TIME_MILLIS":
      return (value) => timeText(value as number, "ms");
    case "TIME_MICROS":
      return (value) => timeText(value as bigint, "us");
    case "TIMESTAMP_MILLIS":
      return (value) => timestampText(value as bigint, "ms", true);
    case "TIMESTAMP_MICROS":
      return (value) => timestampText(value as bigint, "us", true);
    case "JSON":
      return (value) => storedJson(textOf(value));
    case "ENUM":
      return textOf;
    case "BSON":
    case "INTERVAL":
      return (value) => value;
    default:
      return null;
  }
}

function byLogicalType(logical: LogicalType): Convert | null {
  switch (logical.type) {
    case "DECIMAL":
      return decimal(logical.scale);
    case "DATE":
      return (value) => dateText(value as number);
    case "TIME":
      return (value) => timeText(value as number, units[logical.unit]!);
    case "TIMESTAMP":
      return (value) => timestampText(value as bigint, units[logical.unit]!, logical.isAdjustedToUTC);
    case "FLOAT16":
      return (value) =>
        shortestFloat16(
          getFloat16(new DataView((value as Uint8Array).buffer, (value as Uint8Array).byteOffset, 2), 0, true),
        );
    case "JSON":
      return (value) => storedJson(textOf(value));
    case "UUID":
      return (value) => uuidText(value as Uint8Array);
    case "ENUM":
      return textOf;
    default:
      return null;
  }
}

const textOf = (value: unknown): string =>
  typeof value === "string" ? value : Buffer.from(value as Uint8Array).toString("utf8");

/** A decimal is a whole number of units of 10^−scale; in bytes, the highest first, with a sign. */
const decimal =
  (scale: number): Convert =>
  (value) =>
    new NumberText(decimalText(value instanceof Uint8Array ? wholeOf(value) : BigInt(value as number), scale));

const wholeOf = (bytes: Uint8Array): bigint =>
  bytes.length === 0 ? 0n : BigInt.asIntN(8 * bytes.length, BigInt(`0x${Buffer.from(bytes).toString("hex")}`));
