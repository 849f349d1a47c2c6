/** Small graphs of one executor: compiled when first wanted, known by a key. */
import {
  type CompileOptions,
  type DeviceArray,
  type Executor,
  type Feeds,
  type Program,
  runOnDevice,
} from "./executor.ts";
import { Graph } from "./graph.ts";

export class Programs {
  readonly #executor: Executor;
  readonly #programs = new Map<string, Promise<Program>>();

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  /** The program of the graph that `trace` records; graphs of one key are the same. */
  get(key: string, trace: (graph: Graph) => void, options: CompileOptions = {}): Promise<Program> {
    const program = this.#programs.get(key) ?? this.#executor.compile(traced(trace), options);
    this.#programs.set(key, program);
    return program;
  }

  /** Run one of them, its outputs left on the device that the executor has. */
  async runOnDevice(
    key: string,
    trace: (graph: Graph) => void,
    feeds: Feeds,
    options: CompileOptions = {},
  ): Promise<Record<string, DeviceArray>> {
    return runOnDevice(await this.get(key, trace, options), feeds);
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
