import { describe, expect, it } from "vitest";
import { createRandom, permutation, philox, randomFromWords } from "../../../core/math/random.ts";

const hex = (words: readonly number[]): string => words.map((word) => word.toString(16).padStart(8, "0")).join(" ");

describe("philox", () => {
  // The known answers that come with the authors' Random123 library.
  it.each([
    [[0, 0, 0, 0], [0, 0], "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
    [[0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff], "408f276d 41c83b0e a20bc7c6 6d5451fd"],
    [[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], "d16cfe09 94fdcceb 5001e420 24126ea1"],
  ] as const)("gives the known answer for counter %j and key %j", (counter, key, answer) => {
    expect(hex(philox([...counter], key, [0, 0, 0, 0]))).toBe(answer);
  });
});

describe("Random", () => {
  it("depends on key and position alone, not on the order of draws", () => {
    const forward = createRandom(7).key("mask", 3);
    const values = Array.from({ length: 100 }, (_, position) => forward.uniform(position));
    const backward = createRandom(7).key("mask", 3);
    const reversed = Array.from({ length: 100 }, (_, index) => backward.uniform(99 - index)).reverse();
    expect(reversed).toEqual(values);
    expect(randomFromWords(forward.words).uniform(42)).toBe(values[42]);
  });

  it("tells neighbouring keys apart", () => {
    const root = createRandom(1);
    const keys = [
      ["ab", "c"],
      ["a", "bc"],
      ["abc"],
      ["abc", ""],
      [""],
      [],
      ["1"],
      [1],
      ["abcd"],
      ["abcd\0"],
      [-1],
      [1.5],
    ];
    const seen = new Set(keys.map((parts) => hex(root.key(...parts).words)));
    expect(seen.size).toBe(keys.length);
    expect(root.key("a", "b").words).toEqual(root.key("a").key("b").words);
    expect(root.key(-0).words).toEqual(root.key(0).words);
  });

  it("gives a million different keys", () => {
    const root = createRandom(2026);
    const seen = new Set<bigint>();
    for (let step = 0; step < 1000; step++) {
      const ofStep = root.key("mask", step);
      for (let prompt = 0; prompt < 1000; prompt++) {
        const [low, high] = ofStep.key(`p${prompt}`).words;
        seen.add((BigInt(high) << 32n) | BigInt(low));
      }
    }
    expect(seen.size).toBe(1_000_000);
  });

  it("is uniform: mean, variance and sixteen bins of a million draws", () => {
    const random = createRandom(3).key("uniform");
    const draws = 1_000_000;
    const bins = new Int32Array(16);
    let sum = 0;
    let squares = 0;
    for (let position = 0; position < draws; position++) {
      const value = random.uniform(position);
      sum += value;
      squares += value * value;
      bins[Math.floor(value * 16)]!++;
    }
    // Five standard deviations of each statistic.
    expect(Math.abs(sum / draws - 0.5)).toBeLessThan(0.0015);
    expect(Math.abs(squares / draws - 1 / 3)).toBeLessThan(0.0015);
    for (const count of bins) expect(Math.abs(count - draws / 16)).toBeLessThan(5 * Math.sqrt(draws / 16));
  });

  it("rejects seeds, positions and keys that are no numbers of its kind", () => {
    expect(() => createRandom(-1)).toThrow("found -1");
    expect(() => createRandom(0.5)).toThrow("found 0.5");
    expect(() => createRandom(1).uniform(1.5)).toThrow("found 1.5");
    expect(() => createRandom(1).key(Number.NaN)).toThrow("found NaN");
  });
});

describe("permutation", () => {
  it("holds every number once and depends on the key", () => {
    const random = createRandom(5);
    const order = permutation(random, 1000);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, index) => index));
    expect(permutation(random, 1000)).toEqual(order);
    expect(permutation(random.key("other"), 1000)).not.toEqual(order);
  });
});
