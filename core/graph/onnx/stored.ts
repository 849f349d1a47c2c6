/** Inputs that stay in files: initializers of the type on disk, widened to float32 where they are read. */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { FileType } from "../executor.ts";

/** TensorProto.DataType of what files hold. */
const elementTypes: Readonly<Record<FileType, number>> = { F32: 1, F16: 10, BF16: 16 };
export const bytesOf: Readonly<Record<FileType, number>> = { F32: 4, F16: 2, BF16: 2 };
/** TensorProto.DataLocation.EXTERNAL. */
const externalLocation = 1;

/** A stretch of a file: its name in the folder that the session is given, and what stands there. */
export interface Stored {
  readonly location: string;
  readonly offset: number;
  readonly type: FileType;
  readonly shape: readonly number[];
}

export const storedKey = ({ location, offset, type, shape }: Stored): string =>
  `${location} from ${offset}, ${type} [${shape.join(", ")}]`;

const size = (shape: readonly number[]): number => shape.reduce((product, axis) => product * axis, 1);

/** The parts of a tensor that is cut along its first axis: stretches of the same file. */
export function storedParts(stored: Stored, rows: readonly number[]): Stored[] {
  let { offset } = stored;
  return rows.map((count) => {
    const part = { ...stored, offset, shape: [count, ...stored.shape.slice(1)] };
    offset += size(part.shape) * bytesOf[stored.type];
    return part;
  });
}

/** TensorProto whose data lie outside of the model. */
export function externalTensor(
  name: string,
  shape: readonly number[],
  {
    elementType,
    bytes,
    location,
    offset,
  }: { readonly elementType: number; readonly bytes: number; readonly location: string; readonly offset: number },
): BinaryWriter {
  const tensor = new BinaryWriter();
  for (const axis of shape) tensor.tag(1, WireType.Varint).int64(axis);
  tensor.tag(2, WireType.Varint).int32(elementType).tag(8, WireType.LengthDelimited).string(name);
  for (const [key, value] of [
    ["location", location],
    ["offset", String(offset)],
    ["length", String(size(shape) * bytes)],
  ] as const) {
    const entry = new BinaryWriter()
      .tag(1, WireType.LengthDelimited)
      .string(key)
      .tag(2, WireType.LengthDelimited)
      .string(value);
    tensor.tag(13, WireType.LengthDelimited).bytes(entry.finish());
  }
  return tensor.tag(14, WireType.Varint).int32(externalLocation);
}

export const storedTensor = (name: string, { location, offset, type, shape }: Stored): BinaryWriter =>
  externalTensor(name, shape, { elementType: elementTypes[type], bytes: bytesOf[type], location, offset });
