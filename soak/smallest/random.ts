/** Numbers that are the same in every soak of a seed (SOAK_SEED, 1 by default), whatever is asked for in between. */
import { createHash } from "node:crypto";

const seed = process.env["SOAK_SEED"] ?? "1";

/** In [0, 1), of a name. */
export const uniform = (...name: readonly (string | number)[]): number =>
  createHash("sha256")
    .update([seed, ...name].join("/"))
    .digest()
    .readUInt32LE(0) /
  2 ** 32;

/** Processes at one time: one for each core of two, or as many as SOAK_TOGETHER says. */
const together = Number(process.env["SOAK_TOGETHER"] ?? 2);

/** Do work on each of a list, some at a time, and give what came of it in order. */
export async function atOnce<T, R>(items: readonly T[], work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const done: R[] = new Array<R>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) done[index] = await work(items[index]!, index);
  };
  await Promise.all(Array.from({ length: together }, worker));
  return done;
}
