import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadModelFolder } from "../../../core/model/files/folder.ts";
import { createModel } from "../../../core/model/registry.ts";
import { ModelRuntime } from "../../../core/model/runtime.ts";
import type { CompileOptions, Executor } from "../../../core/graph/executor.ts";
import { OnnxExecutor } from "../../../core/graph/onnx/executor.ts";
import { add, gatherRows } from "../../../core/graph/ops/index.ts";
import type { TraceModel } from "../../../core/model/trace.ts";
import { executors } from "../../support/executors.ts";

const folder = fileURLToPath(new URL("../../golden/cases/models/tiny", import.meta.url));
const parameter = "model.language_model.norm.weight";
describe.each(executors.map((executor) => [executor.name, executor] as const))("on %s", (_, executor) => {
  let runtime: ModelRuntime;

  beforeAll(async () => {
    const { config, weights } = await loadModelFolder(folder, (described) => createModel(described).parameters);
    runtime = new ModelRuntime(createModel(config), weights, executor);
  });
  afterAll(() => runtime.release());

  test("a kept copy stays what it was, and follows the current weights by its decay", async () => {
    runtime.keep("slow");
    const current = runtime.weights().get(parameter)!.data;
    const [start] = current;
    current[0] = start! + 8;
    runtime.changed();
    expect(runtime.weights("slow").get(parameter)!.data[0]).toBe(start);
    await runtime.follow("slow", 0.75);
    expect(runtime.weights("slow").get(parameter)!.data[0]).toBeCloseTo(start! + 2, 5);
    await runtime.follow("slow", 0.75);
    expect(runtime.weights("slow").get(parameter)!.data[0]).toBeCloseTo(start! + 3.5, 5);
    expect(runtime.weights("slow").get(parameter)!.data[1]).toBe(current[1]);
    current[0] = start!;
    runtime.changed();
    expect(runtime.kept).toEqual(["slow"]);
  });

  test("kept copies hold what is trained alone, and read the one copy of what is frozen", async () => {
    const small = new ModelRuntime(runtime.model, runtime.weights(), executor, { trained: new Set([parameter]) });
    small.keep("reference");
    expect([...small.trained("reference").keys()]).toEqual([parameter]);
    const [now, kept] = [small.weights(), small.weights("reference")];
    expect([...kept.keys()]).toEqual([...small.model.parameters.keys()]);
    for (const [name, { data }] of now) expect(kept.get(name)!.data === data, name).toBe(name !== parameter);
    await small.release();
  });

  test("weights that nobody keeps are an error that names those there are", async () => {
    expect(() => runtime.weights("fast")).toThrow('no weights are kept as "fast"; there are current');
    await expect(runtime.follow("fast", 0.5)).rejects.toThrow('no weights are kept as "fast"');
  });

  test("features are computed once per picture until the weights change", async () => {
    const grid = [1, 4, 4] as const;
    const picture = { hash: "grey", grid, pixels: new Float32Array(16 * 3 * 2 * 14 * 14).fill(0.3) };
    const prompt = { ids: new Int32Array(0), pictures: [picture, picture] };
    const first = await runtime.pictures.of([prompt]);
    expect([...first.keys()]).toEqual(["grey"]);
    const kept = first.get("grey");
    expect((await runtime.pictures.of([prompt])).get("grey")).toBe(kept);
    runtime.changed(undefined, { vision: false });
    expect((await runtime.pictures.of([prompt])).get("grey")).toBe(kept);
    runtime.keep("still");
    const still = (await runtime.pictures.of([prompt], "still")).get("grey");
    runtime.changed();
    expect((await runtime.pictures.of([prompt])).get("grey")).not.toBe(kept);
    expect((await runtime.pictures.of([prompt], "still")).get("grey")).toBe(still);
  });

  test("the vision tower's attention of a picture sums to its patches", async () => {
    const grid = [1, 4, 6] as const;
    const picture = {
      hash: "noise",
      grid,
      pixels: Float32Array.from({ length: 24 * 3 * 2 * 14 * 14 }, (_, i) => Math.sin(i * i)),
    };
    const attention = await runtime.pictures.attention(picture);
    expect(attention.length).toBe(6);
    expect(attention.reduce((sum, value) => sum + value, 0)).toBeCloseTo(24, 3);
  });

  test.runIf(executor.device)(
    "weights that were replaced on the device come back when the host asks, and go there when the host has changed them",
    async () => {
      const device = executor.device!;
      const { shape, data } = runtime.weights().get(parameter)!;
      const before = data.slice();
      const values = before.map((value) => 2 * value);
      runtime.replaceOnDevice(parameter, device.put({ shape, data: values }));
      runtime.changed();
      expect(data).toEqual(before);
      runtime.keep("doubled");
      expect(runtime.weights().get(parameter)!.data).toEqual(values);
      data[0] = 7;
      runtime.changed();
      expect(device.get(runtime.onDevice(parameter))[0]).toBe(7);
      expect(runtime.weights("doubled").get(parameter)!.data).toEqual(values);
      data.set(before);
      runtime.changed();
    },
  );
});

test("an executor that holds frozen weights is given them when it compiles, the one array for all programs, and fed the others", async () => {
  const { config, weights } = await loadModelFolder(folder, (described) => createModel(described).parameters);
  const given: CompileOptions[] = [];
  const processor = new OnnxExecutor({ threads: 1 });
  const holding: Executor = {
    name: "holding",
    holdsFrozen: true,
    compile(graph, { frozen = {}, ...options } = {}) {
      given.push({ frozen, ...options });
      return processor.compile(graph, { ...options, constants: { ...options.constants, ...frozen } });
    },
  };
  const runtime = new ModelRuntime(createModel(config), weights, holding, { trained: new Set([parameter]) });
  const embedding = "model.language_model.embed_tokens.weight";
  const trace: TraceModel = (graph, read) =>
    graph.output("y", add(gatherRows(read(embedding), graph.input("ids", [1], "int32")), read(parameter)));
  const program = await runtime.compile(trace);
  expect(program.parameters).toEqual([parameter]);
  const feeds = { ids: { shape: [1], data: Int32Array.of(5) } };
  const { data: norm } = weights.get(parameter)!;
  expect((await runtime.run(program, feeds)).y!.data).toEqual(
    norm.map((value, i) => value + weights.get(embedding)!.data[5 * norm.length + i]!),
  );
  const bound = runtime.bind(trace, { apart: trace, copyBytes: 2 ** 30 });
  expect((await bound(feeds)).y).toEqual((await runtime.run(program, feeds)).y);
  expect(given.map(({ frozen, constants = {} }) => [Object.keys(frozen!), Object.keys(constants)])).toEqual([
    [[embedding], []],
    [[embedding], [parameter]],
  ]);
  for (const { frozen } of given) expect(frozen![embedding]).toBe(weights.get(embedding));
  await runtime.release();
});
