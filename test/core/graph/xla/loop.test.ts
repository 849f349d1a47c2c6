import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { symbol } from "../../../../core/graph/dims.ts";
import type { DeviceArray, Feeds, HostArray, LoopOptions } from "../../../../core/graph/executor.ts";
import { Graph } from "../../../../core/graph/graph.ts";
import { writeAt } from "../../../../core/graph/ops/decode.ts";
import { add, linear, reshape, sum } from "../../../../core/graph/ops/index.ts";
import type { XlaExecutor, XlaOptions } from "../../../../core/graph/xla/executor.ts";
import type { LoopForm, XlaLoop } from "../../../../core/graph/xla/rounds/loop.ts";
import { LoopGraph } from "../../../../core/graph/xla/rounds/loop-graph.ts";
import type { Memory } from "../../../../core/graph/xla/client/memory.ts";
import { loadXla, xlaSetup } from "../../../../core/graph/xla/client/plugin.ts";
import { mostAlike, segmentsOf } from "../../../../core/graph/xla/passes/segments.ts";
import { createModel, familyOf } from "../../../../core/model/registry.ts";
import { traceModel } from "../../../../core/model/trace.ts";
import { roundCarried, roundParts, traceRound } from "../../../../core/rollout/programs.ts";

const [B, room, width] = [3, 6, 4];

/**
 * A round of layers that are alike: each keeps its input in a cache [B, room, width] and reads all that it kept; what
 * the last gives is the next round's input.
 */
function deep(layers: number): Graph {
  const graph = new Graph();
  const rows = symbol("B");
  const place = graph.input("place", [1], "int32");
  let x = add(graph.input("x", [rows, width]), graph.input("shift", [rows, width]));
  for (let layer = 0; layer < layers; layer++) {
    graph.cut();
    const cache = graph.input(`cache.${layer}`, [rows, room, width]);
    const kept = writeAt(cache, reshape(x, [rows, 1, width]), place, 1);
    graph.output(`next.cache.${layer}`, kept);
    x = linear(add(x, reshape(sum(kept, [1]), [rows, width])), graph.input(`weight.${layer}`, [width, width]));
  }
  graph.output("next.x", x);
  graph.output("total", sum(x, [1]));
  return graph;
}

const names = (layers: number): string[] => ["x", ...Array.from({ length: layers }, (_, layer) => `cache.${layer}`)];
const options = (layers: number): LoopOptions => ({
  parts: ["place", "shift"],
  carried: Object.fromEntries(names(layers).map((name) => [name, `next.${name}`])),
});

const numbers = (shape: readonly number[], seed: number, size = 1) => ({
  shape,
  data: Float32Array.from(
    { length: shape.reduce((a, b) => a * b, 1) },
    (_, i) => size * Math.sin(1 + i * 1.7 + seed * 31),
  ),
});
const weights = (layers: number): Record<string, { shape: readonly number[]; data: Float32Array }> =>
  Object.fromEntries(
    Array.from({ length: layers }, (_, layer) => [`weight.${layer}`, numbers([width, width], layer, 0.4)]),
  );
const shifts = numbers([room, B, width], 100);

/** What the rounds give, in double precision: totals [room, B]. */
function reference(layers: number): number[][] {
  const all = weights(layers);
  const kept = Array.from({ length: layers }, () => Array.from({ length: B }, () => new Array<number>(width).fill(0)));
  const begin = numbers([B, width], 7).data;
  const state = Array.from({ length: B }, (_, b) => [...begin.subarray(b * width, (b + 1) * width)]);
  return Array.from({ length: room }, (_, round) =>
    state.map((own, b) => {
      let x = own.map((value, i) => value + shifts.data[(round * B + b) * width + i]!);
      for (let layer = 0; layer < layers; layer++) {
        const sums = kept[layer]![b]!;
        x.forEach((value, i) => (sums[i]! += value));
        const read = x.map((value, i) => value + sums[i]!);
        const { data } = all[`weight.${layer}`]!;
        x = x.map((_, out) => read.reduce((total, value, i) => total + value * data[out * width + i]!, 0));
      }
      state[b] = x;
      return x.reduce((a, value) => a + value, 0);
    }),
  );
}

/** Their difference, of large numbers relative to them. */
const differ = (a: number, b: number): number => Math.abs(a - b) / Math.max(1, Math.abs(b));

/** The parts of some rounds. */
const parts = (first: number, rounds: number): Record<string, HostArray> => ({
  place: { shape: [rounds, 1], data: Int32Array.from({ length: rounds }, (_, i) => first + i) },
  shift: { shape: [rounds, B, width], data: shifts.data.slice(first * B * width, (first + rounds) * B * width) },
});

interface Chunks {
  readonly totals: number[];
  /** Where the caches lay before the first chunk and after the last. */
  readonly addresses: readonly (readonly bigint[])[][];
}

/** All rounds, entered again after four. */
async function runDeep(loop: XlaLoop, { device }: XlaExecutor, layers: number): Promise<Chunks> {
  const prepared = await loop.prepare(weights(layers));
  const memory = device as Memory;
  const caches = (arrays: Feeds): (readonly bigint[])[] =>
    names(layers)
      .slice(1)
      .map((name) => memory.addresses(arrays[name] as DeviceArray));
  let carried: Record<string, DeviceArray> = Object.fromEntries(
    names(layers)
      .slice(1)
      .map((name) => [name, loop.zeros([B, room, width])]),
  );
  const addresses = [caches(carried)];
  const totals: number[] = [];
  for (const [first, rounds] of [
    [0, 4],
    [4, 2],
  ] as const) {
    const begin = first === 0 ? { x: numbers([B, width], 7) } : {};
    const result = await loop.run(rounds, prepared, { ...carried, ...begin, ...parts(first, rounds) });
    carried = result.carried;
    totals.push(...result.outputs["total"]!.data);
  }
  addresses.push(caches(carried));
  for (const array of Object.values(carried)) device.free(array);
  prepared.release();
  return { totals, addresses };
}

const families = ["tiny", "qwen2_vl", "qwen3_vl", "smolvlm", "idefics3"];

test.each(families)("a round of %s is cut where layers begin, alike but for the last, which has the head", (family) => {
  const file = fileURLToPath(new URL(`../../../golden/cases/models/${family}/config.json`, import.meta.url));
  const config = JSON.parse(readFileSync(file, "utf8")) as { text_config: object };
  const layers = 7;
  const text = { ...config.text_config, num_hidden_layers: layers, layer_types: undefined };
  const parsed = familyOf(config).parseConfig({ ...config, text_config: text } as never);
  const model = createModel(parsed);
  const trace = traceRound({ greedy: false, truncated: true, ownMasks: false });
  const of = { parameters: model.parameters, adapters: [], passes: new Graph().passes };
  const { graph } = traceModel(of, (traced, read) => trace(traced, read, model));
  const { each } = new LoopGraph(graph, { parts: roundParts, carried: roundCarried(layers) }, "f32");
  const segments = segmentsOf(graph, each);
  expect([segments.length, mostAlike(segments)]).toEqual([layers + 1, layers - 1]);
  // What is computed before the rounds, weights joined, is an input of them.
  expect(segments.flatMap(({ nodes }) => nodes).every((node) => each.includes(node))).toBe(true);
  expect(segments.slice(1, -1).map(({ outputs }) => outputs.length)).toEqual(new Array(layers - 1).fill(2));
});

describe.skipIf(xlaSetup() === null)("rounds on OpenXLA (where `papo setup xla` has been run)", () => {
  // Keeps the plugin open between the tests.
  let open: XlaExecutor;
  beforeAll(() => {
    open = loadXla();
  });
  afterAll(() => open.close());

  async function withLoop<T>(
    layers: number,
    xla: XlaOptions,
    use: (loop: XlaLoop, executor: XlaExecutor) => Promise<T>,
  ): Promise<T> {
    const executor = loadXla({ cache: undefined, ...xla });
    const loop = (await executor.compileLoop(deep(layers), options(layers))) as XlaLoop;
    try {
      return await use(loop, executor);
    } finally {
      await loop.release();
      executor.close();
    }
  }

  describe.each<LoopForm>(["whole", "segments"])("in the form %s", (loops) => {
    test.each([1, 3])(
      "give a host's numbers on %i devices, entered again, caches written in place",
      async (devices) => {
        const setting = { loops, devices };
        const { totals, addresses } = await withLoop(3, setting, (loop, executor) => runDeep(loop, executor, 3));
        const wanted = reference(3).flat();
        expect(totals.length).toBe(wanted.length);
        for (const [i, total] of totals.entries()) expect(differ(total, wanted[i]!)).toBeLessThan(1e-4);
        expect(addresses[1]).toEqual(addresses[0]);
        expect(addresses[0]!.map((one) => one.length)).toEqual([devices, devices, devices]);
      },
    );

    test("leave an array alone that somebody else holds", async () => {
      await withLoop(2, { loops }, async (loop, { device }) => {
        const prepared = await loop.prepare(weights(2));
        const memory = device as Memory;
        const kept = [loop.zeros([B, room, width]), loop.zeros([B, room, width])];
        const caches = { "cache.0": device.share(kept[0]!), "cache.1": device.share(kept[1]!) };
        const { carried } = await loop.run(4, prepared, { ...caches, x: numbers([B, width], 7), ...parts(0, 4) });
        for (const [i, array] of kept.entries()) {
          expect(device.get(array).every((value) => value === 0)).toBe(true);
          const next = carried[`cache.${i}`]!;
          expect(memory.addresses(next)).not.toEqual(memory.addresses(array));
          expect(
            device
              .get(next)
              .subarray(0, 4 * width)
              .every((value) => value !== 0),
          ).toBe(true);
        }
        expect(memory.arrays).toBe(5);
        for (const array of [...kept, ...Object.values(carried)]) device.free(array);
        prepared.release();
      });
    });

    test("free all arrays, and programs when they are released", async () => {
      const executor = loadXla({ cache: undefined, loops });
      const compiled: number[] = [];
      for (let run = 0; run < 3; run++) {
        const before = executor.counts.compiled;
        const loop = (await executor.compileLoop(deep(3), options(3))) as XlaLoop;
        await runDeep(loop, executor, 3);
        const others = (await executor.compileLoop(deep(3), options(3))) as XlaLoop;
        await runDeep(others, executor, 3);
        await loop.release();
        await others.release();
        compiled.push(executor.counts.compiled - before);
        expect((executor.device as Memory).arrays).toBe(0);
      }
      // The second and third are compiled anew, but for what fills arrays, which is nobody's.
      expect(compiled[1]).toBeGreaterThan(0);
      expect(compiled[2]).toBe(compiled[1]);
      executor.close();
    });

    test("an array that does not fit is named, and the others are still the caller's", async () => {
      await withLoop(2, { loops }, async (loop, { device }) => {
        const prepared = await loop.prepare(weights(2));
        const caches = { "cache.0": loop.zeros([B, room, width]), "cache.1": loop.zeros([B, room, width]) };
        const short = { x: numbers([B, width + 1], 7) };
        const run = loop.run(4, prepared, { ...caches, ...short, ...parts(0, 4) });
        await expect(run).rejects.toThrow('input "x" has the shape [3, 5]: [3, 4] is needed');
        for (const array of Object.values(caches)) device.free(array);
        expect((device as Memory).arrays).toBe(0);
        prepared.release();
      });
    });
  });

  test("both forms give equal numbers in bfloat16", async () => {
    const [whole, segments] = await Promise.all(
      (["whole", "segments"] as const).map((loops) =>
        withLoop(3, { loops, precision: "bfloat16" }, (loop, executor) => runDeep(loop, executor, 3)),
      ),
    );
    for (const [i, total] of whole!.totals.entries()) expect(differ(segments!.totals[i]!, total)).toBeLessThan(0.05);
  });

  test("few layers are one program, many are segments", async () => {
    const formOf = (layers: number) => withLoop(layers, {}, async ({ form }) => form);
    expect([await formOf(4), await formOf(30)]).toEqual(["whole", "segments"]);
  });

  // In bfloat16 weights are rounded before the rounds, by programs that layers share too.
  const precisions = ["float32", "bfloat16"] as const;
  test.each(precisions)("segments of many layers are as many programs as those of few: %s", async (precision) => {
    const programs = (layers: number) =>
      withLoop(layers, { loops: "segments", precision }, async (loop, executor) => {
        await runDeep(loop, executor, layers);
        return executor.counts.compiled;
      });
    expect(await programs(30)).toBe(await programs(3));
  });

  test("an output that no round computes: one program runs it, segments refuse it", async () => {
    const graph = new Graph();
    const [x, y] = [graph.input("x", [2]), graph.input("y", [2])];
    graph.output("next.x", add(x, y));
    graph.output("next.y", y);
    const carried = { parts: ["p"], carried: { x: "next.x", y: "next.y" } };
    graph.output("p", graph.input("p", [1]));
    const executor = loadXla({ cache: undefined });
    const loop = await executor.compileLoop(graph, carried);
    const prepared = await loop.prepare({});
    const ones = { shape: [2], data: Float32Array.of(1, 2) };
    const p = { shape: [3, 1], data: Float32Array.of(5, 6, 7) };
    const result = await loop.run(3, prepared, { x: ones, y: ones, p });
    expect([...executor.device.get(result.carried["x"]!)]).toEqual([4, 8]);
    expect([...result.outputs["p"]!.data]).toEqual([5, 6, 7]);
    await loop.release();
    executor.close();
    const cut = loadXla({ cache: undefined, loops: "segments" });
    expect(() => cut.compileLoop(graph, carried)).toThrow('the output "next.y" is computed in no round');
    cut.close();
  });
});
