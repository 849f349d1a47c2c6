/** Damage by a seed: bytes of any file; values of one that is JSON, so that what is wrong gets past the parser. */
import type { Random } from "../../../core/math/random.ts";

/** Bytes flipped, set to extremes, cut, repeated. */
export function damagedBytes(whole: Uint8Array, random: Random): Buffer {
  let bytes = Buffer.from(whole);
  const at = (draw: number): number => Math.floor(random.uniform(draw) * bytes.length);
  const deeds = 1 + Math.floor(random.uniform(0) * 4);
  for (let deed = 1; deed <= deeds; deed++) {
    const [kind, place] = [Math.floor(random.uniform(10 * deed) * 5), at(10 * deed + 1)];
    if (bytes.length === 0) break;
    if (kind === 0) bytes[place]! ^= 1 << Math.floor(random.uniform(10 * deed + 2) * 8);
    else if (kind === 1)
      bytes.fill(random.uniform(10 * deed + 2) < 0.5 ? 0xff : 0x00, place, Math.min(bytes.length, place + 4));
    else if (kind === 2) bytes[place] = Math.floor(random.uniform(10 * deed + 2) * 256);
    else if (kind === 3) bytes = bytes.subarray(0, place);
    else bytes = Buffer.concat([bytes.subarray(0, place), bytes.subarray(at(10 * deed + 3))]);
  }
  return bytes;
}

/** What stands in place of a value of JSON. */
const strange: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  0.5,
  4294967296,
  "",
  "x",
  "\u001b[31m",
  "../../x",
  [],
  {},
  [[]],
  { bogus: 1 },
  "x".repeat(100_000),
];

/**
 * One value of a JSON text in the place of another: of another type, far too large, or gone. The text itself where it
 * is no JSON.
 */
export function damagedJson(text: string, random: Random): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  const places: { readonly owner: Record<string, unknown>; readonly key: string }[] = [];
  const visit = (owner: unknown): void => {
    if (typeof owner !== "object" || owner === null) return;
    for (const key of Object.keys(owner)) {
      places.push({ owner: owner as Record<string, unknown>, key });
      visit((owner as Record<string, unknown>)[key]);
    }
  };
  visit(value);
  // Deep files have most of their places far from what decides: the first ones are met as often as all others.
  const reach = random.uniform(1) < 0.5 ? Math.min(40, places.length) : places.length;
  const place = places[Math.floor(random.uniform(2) * reach)];
  if (place === undefined) return text;
  const choice = Math.floor(random.uniform(3) * (strange.length + 1));
  if (choice === strange.length) delete place.owner[place.key];
  else place.owner[place.key] = strange[choice];
  return JSON.stringify(value);
}
