/** What may be wrong with what views give: pictures, patches, prompts, flags. */
import { firstNotFinite } from "../math/first-not-finite.ts";
import type { EncodedPicture } from "../model/processing/picture.ts";
import { describe, isRecord } from "../messages/describe.ts";

const isSize = (value: unknown): boolean => Number.isInteger(value) && (value as number) > 0;

/** A picture of 8-bit RGB. */
export function pictureFault(result: unknown): string | null {
  if (!isRecord(result)) return describe(result);
  const { width, height, data } = result;
  if (!isSize(width) || !isSize(height)) return `a picture of ${describe(width)} × ${describe(height)} pixels`;
  if (!(data instanceof Uint8Array)) return `a picture whose data are ${describe(data)}, no Uint8Array,`;
  const wanted = (width as number) * (height as number) * 3;
  return data.length === wanted
    ? null
    : `a picture of ${String(width)} × ${String(height)} pixels with ${data.length} bytes instead of ${wanted}`;
}

/** Patches in the place of others. */
export function encodedPictureFault(result: unknown, { grid, pixels }: EncodedPicture): string | null {
  if (!isRecord(result)) return describe(result);
  const { grid: given, pixels: numbers } = result;
  if (!Array.isArray(given) || given.join() !== grid.join())
    return `patches of the grid ${describe(given)} instead of ${describe(grid)}`;
  if (!(numbers instanceof Float32Array)) return `patches whose pixels are ${describe(numbers)}, no Float32Array,`;
  if (numbers.length !== pixels.length) return `patches of ${numbers.length} numbers instead of ${pixels.length}`;
  const bad = firstNotFinite(numbers);
  return bad < 0 ? null : `patches with ${numbers[bad]} at ${bad}`;
}

/** A prompt's text and pictures. */
export function partsFault(result: unknown): string | null {
  if (!isRecord(result)) return describe(result);
  const { prompt, system, pictures } = result;
  if (typeof prompt !== "string") return `the prompt ${describe(prompt)}`;
  if (system !== null && typeof system !== "string") return `the system turn ${describe(system)} (null is none)`;
  if (!Array.isArray(pictures)) return `the pictures ${describe(pictures)}`;
  return pictures.map(pictureFault).find((fault) => fault !== null) ?? null;
}

/** Flags of a picture's visual tokens. */
export function flagsFault(result: unknown, tokens: number): string | null {
  if (!Array.isArray(result) && !ArrayBuffer.isView(result)) return describe(result);
  const flags = Array.from(result as ArrayLike<unknown>);
  if (flags.length !== tokens) return `${flags.length} flags for the ${tokens} visual tokens`;
  const bad = flags.findIndex((flag) => Number(flag) !== 0 && Number(flag) !== 1);
  return bad < 0 ? null : `the flag ${describe(flags[bad])} at ${bad}`;
}

export function sameNumbers(a: Uint8Array | Float32Array, b: Uint8Array | Float32Array): boolean {
  const bytes = ({ buffer, byteOffset, byteLength }: Uint8Array | Float32Array): Buffer =>
    Buffer.from(buffer, byteOffset, byteLength);
  return bytes(a).equals(bytes(b));
}
