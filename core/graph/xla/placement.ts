/** How arrays lie on several devices. */
import type { Shape } from "../dims.ts";
import type { ArrayType } from "./client/pjrt-functions.ts";
import { entries } from "./writer.ts";

/** A copy on each device ("whole"), one of its own on each ("own"), or cut into equal parts along an axis. */
export type Placement = "whole" | "own" | number;

/** An array, and how it lies on the devices. */
export interface PlacedArray extends ArrayType {
  readonly placement: Placement;
}

/** Numbers of an array; bfloat16 as their patterns. */
export type Numbers = Float32Array | Int32Array | Uint16Array;

export type Sharding = "replicated" | "full";

/** The devices that programs run on. */
export class Mesh {
  readonly devices: number;
  readonly #sharding: Sharding;

  /** @param sharding "full": matrices that stay on the devices are cut; "replicated": each device has them whole */
  constructor(devices = 1, sharding: Sharding = "replicated") {
    this.devices = devices;
    this.#sharding = sharding;
  }

  /** Of an array that stays there: matrices are cut along their largest axis that can be, vectors are copied. */
  kept(shape: readonly number[]): Placement {
    if (this.devices === 1 || this.#sharding === "replicated" || shape.length < 2) return "whole";
    const axes = [...shape.keys()].filter((axis) => shape[axis]! % this.devices === 0 && shape[axis]! > 0);
    return axes.reduce<Placement>(
      (best, axis) => (best === "whole" || shape[axis]! > shape[best as number]! ? axis : best),
      "whole",
    );
  }

  /** Of what a program returns: cut along its first named size (rows of different prompts), else as one that stays. */
  returned(shape: Shape, sizes: readonly number[]): Placement {
    const named = shape.findIndex((dim) => typeof dim !== "number");
    if (this.devices === 1 || named < 0) return this.kept(sizes);
    return sizes[named]! % this.devices === 0 ? named : "whole";
  }

  /** Of an array whose first axis is rows of different prompts. */
  rows(shape: readonly number[]): Placement {
    return this.devices > 1 && (shape[0] ?? 1) % this.devices === 0 ? 0 : "whole";
  }

  /** The shape of what each device has. */
  part(shape: readonly number[], placement: Placement): number[] {
    if (placement === "whole") return [...shape];
    if (placement === "own") return [1, ...shape];
    return shape.map((size, axis) => (axis === placement ? size / this.devices : size));
  }

  /** The shape of all parts together. */
  all(shape: readonly number[], placement: Placement): number[] {
    return placement === "own" ? [this.devices, ...shape] : [...shape];
  }

  /** What each device gets of an array. */
  split(
    { shape, data }: { readonly shape: readonly number[]; readonly data: Numbers },
    placement: Placement,
  ): Numbers[] {
    return Array.from({ length: this.devices }, (_, device) =>
      typeof placement === "number" ? slice(data, shape, placement, device, this.devices) : data,
    );
  }

  /** The array of what the devices have, an axis in front where each has one of its own. */
  join<T extends Numbers>(parts: readonly T[], shape: readonly number[], placement: Placement, into: T): T {
    if (placement === "whole") into.set(parts[0]!);
    else if (placement === "own") parts.forEach((part, device) => into.set(part, device * part.length));
    else parts.forEach((part, device) => unslice(part, shape, placement, device, into));
    return into;
  }
}

/** Rows of a part: entries before the axis, and how many lie beside each other from it on. */
function strides(shape: readonly number[], axis: number): { readonly rows: number; readonly width: number } {
  return { rows: entries(shape.slice(0, axis)), width: entries(shape.slice(axis)) };
}

function slice<T extends Numbers>(data: T, shape: readonly number[], axis: number, device: number, devices: number): T {
  const { rows, width } = strides(shape, axis);
  const part = width / devices;
  if (rows === 1) return data.slice(device * part, (device + 1) * part) as T;
  const result = data.slice(0, rows * part) as T;
  for (let row = 0; row < rows; row++) {
    const start = row * width + device * part;
    result.set(data.subarray(start, start + part), row * part);
  }
  return result;
}

function unslice<T extends Numbers>(part: T, shape: readonly number[], axis: number, device: number, into: T): void {
  const { rows, width } = strides(shape, axis);
  const own = part.length / rows;
  for (let row = 0; row < rows; row++) into.set(part.subarray(row * own, (row + 1) * own), row * width + device * own);
}
