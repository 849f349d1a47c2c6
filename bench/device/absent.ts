/**
 * Stands for native packages that the bundle leaves out. Pictures are read from arrays that were decoded when it was
 * made.
 */

/** onnxruntime-node. */
export class InferenceSession {
  static create(): Promise<never> {
    return Promise.reject(new Error("onnxruntime is not part of this bundle"));
  }
}
export class Tensor {}
export const listSupportedBackends = (): readonly never[] => [];

/** sharp, of a file that bundle.mjs wrote: "RAW", width and height as 32-bit numbers, then RGBA. */
export default function decoded(bytes: Uint8Array) {
  const file = Buffer.from(bytes);
  if (file.toString("latin1", 0, 3) !== "RAW") throw new Error("pictures of this bundle are arrays");
  const [width, height] = [file.readUInt32LE(4), file.readUInt32LE(8)];
  const steps = {
    metadata: () => Promise.resolve({ space: "srgb", width, height, format: "png" }),
    autoOrient: () => steps,
    toColourspace: () => steps,
    pipelineColourspace: () => steps,
    ensureAlpha: () => steps,
    raw: () => steps,
    toBuffer: () => Promise.resolve({ data: file.subarray(12), info: { width, height, channels: 4 } }),
  };
  return steps;
}
