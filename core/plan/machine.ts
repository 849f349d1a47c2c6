/** The memory that this process may take. */
import { totalmem } from "node:os";

/** Of the machine, or of the container where that is less, bytes. */
export function machineMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
