/** The file of an offline run of Weights & Biases: records of `wandb_internal.Record` in a LevelDB log. */
import { crc32 } from "node:zlib";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

const BLOCK = 32_768;
const HEADER = 7;
const [FULL, FIRST, MIDDLE, LAST] = [1, 2, 3, 4] as const;

/** What a file begins with: ":W&B", 0xBEE1, version 0. */
export const fileHeader = Buffer.from([0x3a, 0x57, 0x26, 0x42, 0xe1, 0xbe, 0]);

function chunk(type: number, data: Uint8Array): Buffer {
  const head = Buffer.alloc(HEADER);
  head.writeUInt32LE(crc32(data, crc32(Uint8Array.of(type))), 0);
  head.writeUInt16LE(data.length, 4);
  head[6] = type;
  return Buffer.concat([head, data]);
}

/**
 * The bytes that append a record to a file of `size` bytes: blocks of 32 KiB are never crossed, and their last bytes
 * stay 0 where no header fits.
 */
export function logRecord(size: number, data: Uint8Array): Buffer {
  const parts: Buffer[] = [];
  let [at, left, first] = [size, data, true];
  do {
    const room = BLOCK - (at % BLOCK);
    if (room < HEADER) {
      parts.push(Buffer.alloc(room));
      at += room;
      continue;
    }
    const taken = left.subarray(0, room - HEADER);
    left = left.subarray(taken.length);
    const part = chunk(first ? (left.length === 0 ? FULL : FIRST) : left.length === 0 ? LAST : MIDDLE, taken);
    parts.push(part);
    at += part.length;
    first = false;
  } while (left.length > 0 || first);
  return Buffer.concat(parts);
}

/** Records of a file, whole ones alone, each with where it ends. */
export function readLog(file: Buffer): { readonly data: Buffer; readonly end: number }[] {
  const found: { data: Buffer; end: number }[] = [];
  let parts: Buffer[] = [];
  for (let at = fileHeader.length; at + HEADER <= file.length;) {
    const room = BLOCK - (at % BLOCK);
    if (room < HEADER) {
      at += room;
      continue;
    }
    const [length, type] = [file.readUInt16LE(at + 4), file[at + 6]!];
    const data = file.subarray(at + HEADER, at + HEADER + length);
    if (data.length < length || crc32(data, crc32(Uint8Array.of(type))) !== file.readUInt32LE(at)) break;
    at += HEADER + length;
    parts = type === FULL || type === FIRST ? [data] : [...parts, data];
    if (type === FULL || type === LAST) found.push({ data: Buffer.concat(parts), end: at });
  }
  return found;
}

type Fields = (writer: BinaryWriter) => BinaryWriter;

const inside =
  (field: number, fields: Fields): Fields =>
  (writer) =>
    fields(writer.tag(field, WireType.LengthDelimited).fork()).join();
const text =
  (field: number, value: string): Fields =>
  (writer) =>
    writer.tag(field, WireType.LengthDelimited).string(value);
const whole =
  (field: number, value: number): Fields =>
  (writer) =>
    writer.tag(field, WireType.Varint).int64(value);
const all =
  (...fields: readonly Fields[]): Fields =>
  (writer) =>
    fields.reduce((done, next) => next(done), writer);

const record = (number: number, fields: Fields): Uint8Array =>
  all(whole(1, number), fields)(new BinaryWriter()).finish();

/** The first record: who writes, and the oldest reader. */
export const headerRecord = (): Uint8Array =>
  record(0, inside(21, inside(1, all(text(1, "0.31.0"), text(2, "0.1.0")))));

export const runRecord = (
  number: number,
  {
    id,
    project,
    name,
    seconds,
  }: { readonly id: string; readonly project: string; readonly name: string; readonly seconds: number },
): Uint8Array =>
  record(
    number,
    inside(17, all(text(1, id), text(3, project), text(8, name), inside(17, whole(1, Math.floor(seconds))))),
  );

/** One step's values, as JSON each. */
export const historyRecord = (number: number, step: number, values: Readonly<Record<string, string>>): Uint8Array =>
  record(
    number,
    inside(
      2,
      all(
        ...Object.entries(values).map(([key, json]) => inside(1, all(text(1, key), text(16, json)))),
        inside(2, whole(1, step)),
      ),
    ),
  );

/** The run's end, with the exit code of its process. */
export const exitRecord = (number: number, code: number): Uint8Array => record(number, inside(18, whole(1, code)));
