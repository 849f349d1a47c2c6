import { expect, test } from "vitest";
import { decompressLz4Frame } from "../../../../core/data/formats/lz4.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
/** A frame of independent blocks without checksums; the header's checksum is not looked at. */
const frame = (...blocks: readonly (readonly number[])[]): Uint8Array => {
  const sized = blocks.flatMap((block) => [block.length & 255, block.length >> 8, 0, 0, ...block]);
  return Uint8Array.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, ...sized, 0, 0, 0, 0]);
};
const letters = (word: string): number[] => [...Buffer.from(word)];

test("literals, a copy of what came before, and a copy that overlaps itself", () => {
  expect(text(decompressLz4Frame(frame([0x50, ...letters("hello")])))).toBe("hello");
  // Four letters, then 4 + 4 from 4 back; then a last letter.
  expect(text(decompressLz4Frame(frame([0x44, ...letters("abcd"), 4, 0, 0x10, ...letters("!")])))).toBe(
    "abcdabcdabcd!",
  );
  // One letter, then 4 + 15 + 1 of it.
  expect(text(decompressLz4Frame(frame([0x1f, ...letters("x"), 1, 0, 1, 0x10, ...letters("y")])))).toBe(
    `${"x".repeat(21)}y`,
  );
});

test("several blocks, and none", () => {
  expect(text(decompressLz4Frame(frame([0x20, ...letters("ab")], [0x20, ...letters("cd")])))).toBe("abcd");
  expect(decompressLz4Frame(frame())).toHaveLength(0);
});

test("a block that is stored as it is", () => {
  const stored = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 3, 0, 0, 0x80, ...letters("raw"), 0, 0, 0, 0];
  expect(text(decompressLz4Frame(Uint8Array.from(stored)))).toBe("raw");
});

test("what is no frame, or cut short, or points before its beginning, is an error", () => {
  expect(() => decompressLz4Frame(Uint8Array.of(1, 2, 3))).toThrow("it is no LZ4 frame");
  expect(() => decompressLz4Frame(Uint8Array.from(letters("no LZ4 frame")))).toThrow("it is no LZ4 frame");
  const whole = frame([0x50, ...letters("hello")]);
  for (const length of [8, 12, 14]) expect(() => decompressLz4Frame(whole.subarray(0, length))).toThrow("cut short");
  expect(() => decompressLz4Frame(frame([0x50, ...letters("hel")]))).toThrow("cut short");
  expect(() => decompressLz4Frame(frame([0x14, ...letters("a"), 9, 0, 0x10, ...letters("b")]))).toThrow();
});
