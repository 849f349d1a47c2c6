/**
 * Arrow's values as rows have them: the library cuts times to milliseconds and gives decimals without their scale, so
 * these are read from the buffers, by the schema.
 */
import {
  DataType,
  DateUnit,
  Precision,
  TimeUnit,
  Vector,
  type Data,
  type Decimal,
  type Field,
  type Timestamp,
} from "apache-arrow";
import { decimalText, NumberText, shortestFloat16, shortestFloat32, wholeNumber } from "../values/number-text.ts";
import { storedJson, uuidText } from "../values/stored-json.ts";
import type { ColumnKind } from "./blocks.ts";
import { dateText, timestampText, timeText, type TimeUnit as Unit } from "../values/times.ts";

/** The value at an index of one batch of a column. */
export type ReadValue = (data: Data, index: number) => unknown;

/** How a column is read; null stands where there is no value. */
export function readerOf(field: Field): ReadValue {
  const read = extensionOf(field) ?? readerOfType(field.type as DataType);
  return (data, index) => (data.getValid(index) ? read(data, index) : null);
}

function extensionOf({ metadata, type }: Field): ReadValue | null {
  switch (metadata.get("ARROW:extension:name")) {
    case "arrow.json":
      return (data, index) => storedJson(itemOf(data, index) as string);
    case "arrow.uuid":
      return DataType.isFixedSizeBinary(type) ? (data, index) => uuidText(itemOf(data, index) as Uint8Array) : null;
    default:
      return null;
  }
}

function readerOfType(type: DataType): ReadValue {
  const children = type.children as readonly Field[] | null;
  if (DataType.isDecimal(type)) return decimal(type);
  if (DataType.isTimestamp(type)) return timestamp(type);
  if (DataType.isTime(type)) return (data, index) => timeText(raw(data)[index]!, units[type.unit]);
  if (DataType.isDate(type))
    return type.unit === DateUnit.DAY
      ? (data, index) => dateText(raw(data)[index]!)
      : (data, index) => dateText(BigInt(raw(data)[index]!) / 86_400_000n);
  if (DataType.isFloat(type))
    return type.precision === Precision.SINGLE
      ? (data, index) => shortestFloat32(raw(data)[index] as number)
      : type.precision === Precision.HALF
        ? (data, index) => shortestFloat16(itemOf(data, index) as number)
        : itemOf;
  if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isFixedSizeList(type))
    return list(type, children!);
  if (DataType.isStruct(type)) return struct(children!);
  if (DataType.isMap(type)) return map(children!);
  if (DataType.isDictionary(type)) return dictionary(type.dictionary as DataType);
  return (data, index) => {
    const value = itemOf(data, index);
    return typeof value === "bigint" ? wholeNumber(value) : value;
  };
}

const units: Readonly<Record<TimeUnit, Unit>> = {
  [TimeUnit.SECOND]: "s",
  [TimeUnit.MILLISECOND]: "ms",
  [TimeUnit.MICROSECOND]: "us",
  [TimeUnit.NANOSECOND]: "ns",
};

const raw = (data: Data): ArrayLike<number | bigint> => data.values as ArrayLike<number | bigint>;

const vectors = new WeakMap<Data, Vector>();

/** As the library gives it. */
function itemOf(data: Data, index: number): unknown {
  const vector = vectors.get(data) ?? new Vector([data]);
  vectors.set(data, vector);
  return vector.get(index) as unknown;
}

const timestamp =
  ({ unit, timezone }: Timestamp): ReadValue =>
  (data, index) =>
    timestampText(raw(data)[index]!, units[unit], typeof timezone === "string" && timezone !== "");

/** Words of 32 bits, the lowest first, with a sign. */
const decimal =
  ({ scale, bitWidth }: Decimal): ReadValue =>
  (data, index) => {
    const words = bitWidth / 32;
    const bits = Array.from(
      { length: words },
      (_, word) => BigInt((data.values as Uint32Array)[words * index + word]!) << BigInt(32 * word),
    );
    return new NumberText(
      decimalText(
        BigInt.asIntN(
          bitWidth,
          bits.reduce((sum, word) => sum | word, 0n),
        ),
        scale,
      ),
    );
  };

function list(type: DataType, children: readonly Field[]): ReadValue {
  const read = readerOf(children[0]!);
  const fixed = DataType.isFixedSizeList(type) ? type.listSize : null;
  return (data, index) => {
    const offsets = data.valueOffsets as ArrayLike<number | bigint> | undefined;
    const [start, end] =
      fixed === null ? [Number(offsets![index]!), Number(offsets![index + 1]!)] : [index * fixed, (index + 1) * fixed];
    checkRange(start, end, data.children[0]!.length);
    return Array.from({ length: end - start }, (_, item) => read(data.children[0]!, start + item));
  };
}

/**
 * A list's items lie among its values: what a damaged file says otherwise would be read for ever.
 * @throws Error when they do not
 */
function checkRange(start: number, end: number, length: number): void {
  if (start === undefined || end === undefined) throw new Error("the offsets of a list are missing");
  if (!(start >= 0 && start <= end && end <= length))
    throw new Error(`a list's items are said to be ${start} to ${end} of ${length} values`);
}

function struct(children: readonly Field[]): ReadValue {
  const readers = children.map((child) => [child.name, readerOf(child)] as const);
  return (data, index) =>
    Object.fromEntries(readers.map(([name, read], child) => [name, read(data.children[child]!, index)]));
}

/** Keys as texts. */
function map(children: readonly Field[]): ReadValue {
  const entries = (children[0]!.type as DataType).children as readonly Field[];
  const [key, value] = [readerOf(entries[0]!), readerOf(entries[1]!)];
  return (data, index) => {
    const offsets = data.valueOffsets as ArrayLike<number>;
    const [keys, values] = data.children[0]!.children;
    checkRange(offsets[index]!, offsets[index + 1]!, data.children[0]!.length);
    return Object.fromEntries(
      Array.from({ length: offsets[index + 1]! - offsets[index]! }, (_, item) => [
        String(key(keys!, offsets[index]! + item)),
        value(values!, offsets[index]! + item),
      ]),
    );
  };
}

function dictionary(type: DataType): ReadValue {
  const read = readerOfType(type);
  return (data, index) => {
    let at = Number(raw(data)[index]!);
    for (const part of (data.dictionary?.data ?? []) as readonly Data[]) {
      if (at < part.length) return part.getValid(at) ? read(part, at) : null;
      at -= part.length;
    }
    throw new Error(`a dictionary has no value ${Number(raw(data)[index]!)}`);
  };
}

/** What a column holds, for questions about columns. */
export function kindOf(field: Field): ColumnKind {
  const type = field.type as DataType;
  if (DataType.isList(type) || DataType.isLargeList(type)) return kindOf(type.children[0]!);
  const names = ((type.children as readonly Field[] | null) ?? []).map(({ name }) => name);
  if (names.includes("bytes") && names.includes("path")) return "picture";
  if (DataType.isStruct(type)) return new Map(type.children.map((child) => [child.name, kindOf(child)]));
  return DataType.isBinary(type) || DataType.isLargeBinary(type) ? "bytes" : "other";
}
