/**
 * Runs graphs on OpenXLA: whole programs, compiled for each set of sizes, on arrays that stay on the device.
 * `papo setup xla` fetches what it needs.
 */
import type { CompileOptions, Device, Executor, Loop, LoopOptions, Program, ProgramRuns } from "../executor.ts";
import type { Graph } from "../graph.ts";
import { type CompileCounts, Executables } from "./client/executables.ts";
import { ExecutableFiles } from "./client/executable-files.ts";
import { type LoopForm, XlaLoop } from "./rounds/loop.ts";
import { Memory } from "./client/memory.ts";
import type { Pjrt } from "./client/pjrt.ts";
import { Mesh, type Sharding } from "./placement.ts";
import { XlaProgram } from "./passes/program.ts";

/** More would need another form of the options that programs are compiled with. */
const mostDevices = 127;

export interface XlaOptions {
  /**
   * "bfloat16": matrix products take their factors rounded to bfloat16 and sum in float32; what products and norms
   * return, and what is
   * computed from it alone, is kept in bfloat16. Norms, softmax, sums, the head's logits, weights and their gradients
   * are float32. Default "float32".
   */
  readonly precision?: "float32" | "bfloat16";
  /** How many of the plugin's devices it runs on. Default 1. */
  readonly devices?: number;
  /**
   * On several devices: "full" (weights, gradients and moments are cut, each device has a part; ZeRO-3, arXiv
   * 1910.02054) or "replicated" (each device has all of them). Passes of the learner are split over the devices in
   * both. Default "full".
   */
  readonly sharding?: Sharding;
  /** A folder for what is compiled, read by later processes. Default: nothing is kept. */
  readonly cache?: string | undefined;
  /** The form in which loops run. Default: by how many layers a round has. */
  readonly loops?: LoopForm;
}

export class XlaExecutor implements Executor {
  readonly name = "OpenXLA";
  readonly software: string;
  readonly device: Device;
  readonly writesOver = true;
  readonly fixedSizes = true;
  readonly attendsInBlocks = true;
  readonly devices: number;
  readonly #memory: Memory;
  readonly #executables: Executables;
  readonly #products: "f32" | "bf16";
  readonly #loops: LoopForm | undefined;
  readonly #close: () => void;

  /** @param close called by `close` @param plugin the wheel that the plugin is from */
  constructor(
    pjrt: Pjrt,
    { precision = "float32", cache, devices = 1, sharding = "full", loops }: XlaOptions = {},
    close = (): void => pjrt.close(),
    plugin = "",
  ) {
    this.#close = close;
    // The processor's platform has no version of its own.
    const parts = ["OpenXLA", plugin, pjrt.platformVersion.replaceAll(/\s+/g, " ").trim(), pjrt.devices[0]!];
    this.software = [...new Set(parts.filter((part) => part !== ""))].join(", ");
    const there = pjrt.devices.length;
    if (!Number.isInteger(devices) || devices < 1 || devices > Math.min(there, mostDevices))
      throw new Error(
        `devices is ${devices}: ${pjrt.platform} has ${there} here, and a run takes at least 1 and at most ${mostDevices}`,
      );
    this.devices = devices;
    this.#executables = new Executables(pjrt, cache === undefined ? null : new ExecutableFiles(cache, pjrt), devices);
    this.#memory = new Memory(pjrt, this.#executables, new Mesh(devices, sharding));
    this.#products = precision === "bfloat16" ? "bf16" : "f32";
    this.#loops = loops;
    this.device = this.#memory;
  }

  /** Programs compiled, read from the cache, and used again. */
  get counts(): CompileCounts {
    return this.#executables.counts;
  }

  get runs(): ProgramRuns {
    const { sizesKnown, sizesNew } = this.#executables.counts;
    return { all: sizesKnown + sizesNew, atKnownSizes: sizesKnown };
  }

  compile(
    graph: Graph,
    { constants = {}, products = "float32", sums = [], replaced = {} }: CompileOptions = {},
  ): Promise<Program> {
    if (products !== "float32") {
      throw new Error(
        `products in ${products} are onnxruntime's: the executor "xla" has float32 and, for all of them, bfloat16`,
      );
    }
    const setting = { memory: this.#memory, executables: this.#executables, products: this.#products };
    return Promise.resolve(new XlaProgram(graph, { ...setting, constants, sums, replaced }));
  }

  compileLoop(graph: Graph, options: LoopOptions): Promise<Loop> {
    const setting = { memory: this.#memory, executables: this.#executables, products: this.#products };
    return Promise.resolve(new XlaLoop(graph, options, setting, this.#loops));
  }

  close(): void {
    this.#close();
  }
}
