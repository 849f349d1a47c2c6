/** Parts of an ONNX model as protobuf messages; field numbers are those of onnx.proto3. */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Shape } from "../dims.ts";
import type { DType, Value } from "../graph.ts";
import { externalTensor } from "./stored.ts";
import type { OnnxAttribute } from "./writer.ts";

/** Codes of TensorProto.DataType. */
export const elementType = { float32: 1, int32: 6, int64: 7, bool: 9, uint64: 13 } as const;

export function message(parent: BinaryWriter, field: number, child: BinaryWriter): void {
  parent.tag(field, WireType.LengthDelimited).bytes(child.finish());
}

export function constantTensor(name: string, { shape, dtype }: Value): BinaryWriter {
  const sizes = fixedSizes(shape);
  if (sizes === null) throw new Error(`the constant "${name}" has a size that is not fixed`);
  return externalTensor(name, sizes, { elementType: elementType[dtype], bytes: 4, location: name, offset: 0 });
}

export const fixedSizes = (shape: Shape): readonly number[] | null =>
  shape.every((dim) => typeof dim === "number") ? (shape as readonly number[]) : null;

export function writeAttribute(node: BinaryWriter, name: string, value: OnnxAttribute): void {
  const attribute = new BinaryWriter().tag(1, WireType.LengthDelimited).string(name);
  const type = (code: number): void => void attribute.tag(20, WireType.Varint).int32(code);
  if (typeof value === "number") {
    attribute.tag(3, WireType.Varint).int64(value);
    type(2);
  } else if (typeof value === "string") {
    attribute.tag(4, WireType.LengthDelimited).bytes(new TextEncoder().encode(value));
    type(3);
  } else if ("graph" in value) {
    attribute.tag(6, WireType.LengthDelimited).bytes(value.graph);
    type(5);
  } else if ("float" in value) {
    attribute.tag(2, WireType.Bit32).float(value.float);
    type(1);
  } else {
    for (const entry of value) attribute.tag(8, WireType.Varint).int64(entry);
    type(7);
  }
  message(node, 5, attribute);
}

/** A sequence of float tensors. */
export function sequenceInfo(name: string): BinaryWriter {
  const [element, sequence, type] = [new BinaryWriter(), new BinaryWriter(), new BinaryWriter()];
  message(element, 1, new BinaryWriter().tag(1, WireType.Varint).int32(elementType.float32));
  message(sequence, 1, element);
  message(type, 4, sequence);
  return namedType(name, type);
}

/** A float tensor of any shape. */
export function tensorInfo(name: string): BinaryWriter {
  const type = new BinaryWriter();
  message(type, 1, new BinaryWriter().tag(1, WireType.Varint).int32(elementType.float32));
  return namedType(name, type);
}

export function scalarInfo(name: string, dtype: "bool" | "int64"): BinaryWriter {
  const [tensor, type] = [new BinaryWriter().tag(1, WireType.Varint).int32(elementType[dtype]), new BinaryWriter()];
  message(tensor, 2, new BinaryWriter());
  message(type, 1, tensor);
  return namedType(name, type);
}

function namedType(name: string, type: BinaryWriter): BinaryWriter {
  const info = new BinaryWriter().tag(1, WireType.LengthDelimited).string(name);
  message(info, 2, type);
  return info;
}

export function valueInfo(
  name: string,
  { shape, dtype }: { readonly shape: Shape; readonly dtype: DType },
): BinaryWriter {
  const dims = new BinaryWriter();
  for (const dim of shape) {
    const entry = new BinaryWriter();
    if (typeof dim === "number") entry.tag(1, WireType.Varint).int64(dim);
    else entry.tag(2, WireType.LengthDelimited).string(dim.key);
    message(dims, 1, entry);
  }
  const tensor = new BinaryWriter().tag(1, WireType.Varint).int32(elementType[dtype]);
  message(tensor, 2, dims);
  const type = new BinaryWriter();
  message(type, 1, tensor);
  return namedType(name, type);
}
