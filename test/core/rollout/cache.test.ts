import { describe, expect, it } from "vitest";
import type { HostArray } from "../../../core/graph/executor.ts";
import { WaveCache } from "../../../core/rollout/cache.ts";

const shape = { layers: 2, keyValueHeads: 2, headSize: 3 };
const names = ["key.0", "value.0", "key.1", "value.1"];

/** A number that names its place, so that every move can be checked. */
const mark = (name: string, ...place: number[]): number =>
  place.reduce((sum, index) => sum * 50 + index, names.indexOf(name) + 1);

const fill = (sizes: readonly number[], value: (place: number[]) => number): HostArray => {
  const data = new Float32Array(sizes.reduce((product, size) => product * size, 1));
  data.forEach((_, at) => {
    const place: number[] = [];
    for (let axis = sizes.length - 1, rest = at; axis >= 0; rest = Math.floor(rest / sizes[axis]!), axis--)
      place.unshift(rest % sizes[axis]!);
    data[at] = value(place);
  });
  return { shape: sizes, data };
};
const byName = (make: (name: string) => HostArray): Record<string, HostArray> =>
  Object.fromEntries(names.map((name) => [name, make(name)]));

/** Prefix entries are marks of (original prompt, position); own entries of (original row, token). */
const prefixOf = (prompts: number[], length: number) =>
  byName((name) => fill([prompts.length, 2, length, 3], ([b, head, p]) => mark(name, prompts[b!]!, head!, p!)));
const newRows = (rows: number[][], token: number) =>
  byName((name) =>
    fill([rows.length, 2, rows[0]!.length, 3], ([b, head, n]) => mark(name, rows[b!]![n!]!, head!, token)),
  );

describe("WaveCache", () => {
  it("keeps prefixes and tokens in place through growth and compaction", () => {
    const cache = new WaveCache(shape, { B: 3, P: 4, N: 2, mostTokens: 40 });
    cache.setPrefix(0, prefixOf([0, 1], 4));
    cache.setPrefix(2, prefixOf([2], 2));
    let rows = [
      [0, 1],
      [2, 3],
      [4, 5],
    ];
    const append = (from: number, to: number) => {
      for (let token = from; token < to; token++) {
        cache.grow();
        cache.append(newRows(rows, token));
      }
    };
    append(0, 33);
    expect(cache.room).toBe(40);
    cache.keep([[1], [4, 5]]);
    rows = [
      [1, 49],
      [4, 5],
    ];
    expect([cache.B, cache.N]).toEqual([2, 2]);
    append(33, 36);
    const feeds = cache.feeds();
    for (const name of names) {
      const { shape: own, data } = feeds[`own.${name}`]!;
      expect(own).toEqual([2, 2, 2, 40, 3]);
      const expected = fill(own, ([b, head, n, token]) => {
        if (token! >= 36 || (b === 0 && n === 1 && token! < 33)) return 0;
        return mark(name, rows[b!]![n!]!, head!, token!);
      });
      expect(data).toEqual(expected.data);
      const prefix = fill([2, 2, 4, 3], ([b, head, p]) =>
        b === 1 && p! >= 2 ? 0 : mark(name, b === 0 ? 0 : 2, head!, p!),
      );
      expect(feeds[`prefix.${name}`]).toEqual(prefix);
    }
    expect(cache.bytes).toBe(4 * 4 * (2 * 2 * 4 * 3 + 2 * 2 * 2 * 40 * 3));
  });

  it("has no more room than a response can fill", () => {
    const cache = new WaveCache(shape, { B: 1, P: 1, N: 1, mostTokens: 5 });
    expect(cache.room).toBe(5);
  });

  it("drops empty slots when the widest prompt has fewer", () => {
    const cache = new WaveCache(shape, { B: 2, P: 1, N: 4, mostTokens: 8 });
    cache.append(
      newRows(
        [
          [0, 1, 2, 3],
          [4, 5, 6, 7],
        ],
        0,
      ),
    );
    cache.keep([[3], [4]]);
    expect([cache.B, cache.N]).toEqual([2, 1]);
    const own = cache.feeds()["own.key.0"]!;
    expect([own.data[0], own.data[2 * 8 * 3]]).toEqual([mark("key.0", 3, 0, 0), mark("key.0", 4, 0, 0)]);
  });
});
