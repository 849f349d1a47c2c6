/** Traced and compiled passes over a model, each once. */
import type { Graph } from "../../graph/graph.ts";
import type { Parameters } from "../../model/model.ts";
import type { ModelCompileOptions, ModelProgram, ModelRuntime } from "../../model/runtime.ts";
import type { TracedModel } from "../../model/trace.ts";

/** A traced pass, and what it is known by. */
export type Traced = TracedModel & { readonly key: string };

export class PassPrograms {
  readonly #runtime: ModelRuntime;
  readonly #programs = new Map<string, Promise<ModelProgram>>();
  readonly #traced = new Map<string, TracedModel>();

  constructor(runtime: ModelRuntime) {
    this.#runtime = runtime;
  }

  trace(key: string, trace: (graph: Graph, parameters: Parameters) => void, dropout = false): Traced {
    const traced = this.#traced.get(key) ?? this.#runtime.trace(trace, dropout);
    this.#traced.set(key, traced);
    return { key, ...traced };
  }

  program(traced: Traced, options: ModelCompileOptions): Promise<ModelProgram> {
    const key = `${traced.key} ${options.products ?? ""}`;
    const known = this.#programs.get(key) ?? this.#runtime.compileTraced(traced, options);
    this.#programs.set(key, known);
    return known;
  }
}
