/** The memory that this process may take. */
import { totalmem } from "node:os";

/** Of the machine, or of the container where that is less, bytes. */
export function machineMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/**
 * Parameters of a model from which on freed arrays go back to the system: kept, those of half a billion took twice the
 * memory, and what a page costs is little beside its product. A gradient's pages then come as what a pass back keeps
 * becomes less.
 */
export const largeModel = 5e7;

/** Bytes of an array from which on it is given back: of a large model, and where a run asks for it. */
export const givenBackFrom = 2 ** 18;

/**
 * Node with this project, onnxruntime's library and compiled sessions: what is left of the measured peak of a learner's
 * step of the bench shape m110 (bench/models.ts, without file pages) when its arrays are taken away. m530 with LoRA
 * agrees with it to 1 %.
 */
export const processBytes = 320 * 2 ** 20;
