/** Small graphs on arrays that stay on an executor's device: compiled when first wanted, known by a key. */
import type { DeviceArray, Executor, Feeds, Program } from "./executor.ts";
import { Graph } from "./graph.ts";

export class DevicePrograms {
  readonly #executor: Executor;
  readonly #programs = new Map<string, Promise<Program>>();

  /** @param executor one with a device */
  constructor(executor: Executor) {
    this.#executor = executor;
  }

  /** Run the graph that `trace` records; graphs of one key are the same. */
  async run(key: string, trace: (graph: Graph) => void, feeds: Feeds): Promise<Record<string, DeviceArray>> {
    const program = this.#programs.get(key) ?? this.#executor.compile(traced(trace));
    this.#programs.set(key, program);
    const { runOnDevice } = await program;
    if (runOnDevice === undefined) throw new Error(`${this.#executor.name} leaves nothing on a device`);
    return runOnDevice.call(await program, feeds);
  }

  async release(): Promise<void> {
    for (const program of this.#programs.values()) await (await program).release();
    this.#programs.clear();
  }
}

function traced(trace: (graph: Graph) => void): Graph {
  const graph = new Graph();
  trace(graph);
  return graph;
}
