/**
 * TensorBoard's event files: records of `tensorflow.Event` with their lengths and masked CRC-32C, as TFRecord frames
 * them.
 */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  crc = (crc ^ 0xffffffff) >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** A record: length (uint64), its CRC, data, its CRC; little-endian. */
export function framed(data: Uint8Array): Buffer {
  const record = Buffer.alloc(data.length + 16);
  record.writeBigUInt64LE(BigInt(data.length), 0);
  record.writeUInt32LE(maskedCrc(record.subarray(0, 8)), 8);
  record.set(data, 12);
  record.writeUInt32LE(maskedCrc(data), 12 + data.length);
  return record;
}

/** Records of a file with their steps; what a kill cut short is left out. */
export function readRecords(file: Buffer): { readonly step: number; readonly bytes: Buffer }[] {
  const found: { step: number; bytes: Buffer }[] = [];
  for (let at = 0; at + 16 <= file.length;) {
    const end = at + 16 + Number(file.readBigUInt64LE(at));
    if (end > file.length) break;
    found.push({ step: stepOf(file.subarray(at + 12, end - 4)), bytes: file.subarray(at, end) });
    at = end;
  }
  return found;
}

function stepOf(event: Uint8Array): number {
  const reader = new BinaryReader(event);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 2) return Number(reader.int64());
    reader.skip(type);
  }
  return 0;
}

/** An event's values, each with its tag. */
export interface EventFields {
  /** Seconds since 1970. */
  readonly time: number;
  readonly step?: number;
  readonly version?: string;
  readonly values?: readonly ((value: BinaryWriter) => BinaryWriter)[];
}

export function event({ time, step = 0, version, values = [] }: EventFields): Uint8Array {
  const writer = new BinaryWriter().tag(1, WireType.Bit64).double(time).tag(2, WireType.Varint).int64(step);
  if (version !== undefined) writer.tag(3, WireType.LengthDelimited).string(version);
  if (values.length > 0) {
    writer.tag(5, WireType.LengthDelimited).fork();
    for (const value of values) value(writer.tag(1, WireType.LengthDelimited).fork()).join();
    writer.join();
  }
  return writer.finish();
}

/** Summary.Value of a number. */
export const scalarValue =
  (tag: string, value: number) =>
  (writer: BinaryWriter): BinaryWriter =>
    writer.tag(1, WireType.LengthDelimited).string(tag).tag(2, WireType.Bit32).float(value);

/** Summary.Value of a PNG. */
export const imageValue =
  (
    tag: string,
    { png, width, height }: { readonly png: Uint8Array; readonly width: number; readonly height: number },
  ) =>
  (writer: BinaryWriter): BinaryWriter =>
    writer
      .tag(1, WireType.LengthDelimited)
      .string(tag)
      .tag(4, WireType.LengthDelimited)
      .fork()
      .tag(1, WireType.Varint)
      .int32(height)
      .tag(2, WireType.Varint)
      .int32(width)
      .tag(3, WireType.Varint)
      .int32(3)
      .tag(4, WireType.LengthDelimited)
      .bytes(png)
      .join();

/** Summary.Value of Markdown, for the plugin "text": a string tensor of one element. */
export const textValue =
  (tag: string, text: string) =>
  (writer: BinaryWriter): BinaryWriter =>
    writer
      .tag(1, WireType.LengthDelimited)
      .string(tag)
      .tag(9, WireType.LengthDelimited)
      .fork()
      .tag(1, WireType.LengthDelimited)
      .fork()
      .tag(1, WireType.LengthDelimited)
      .string("text")
      .join()
      .join()
      .tag(8, WireType.LengthDelimited)
      .fork()
      .tag(1, WireType.Varint)
      .int32(7)
      .tag(2, WireType.LengthDelimited)
      .fork()
      .tag(2, WireType.LengthDelimited)
      .fork()
      .tag(1, WireType.Varint)
      .int64(1)
      .join()
      .join()
      .tag(8, WireType.LengthDelimited)
      .string(text)
      .join();
