/** Where TensorFlow's native binding is, and whether it is there. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { z } from "zod";
import { setVariable } from "../../machine/libc.ts";
import { projectFolder } from "../project-folder.ts";
import { TensorFlowExecutor } from "./executor.ts";
import type { Binding } from "./kernels.ts";
import { readJsonFile } from "../../machine/json-file.ts";

/** The folder that `papo setup tensorflow` fills: TensorFlow's libraries and the binding built against them. */
export const tensorflowFolder = join(projectFolder, ".tensorflow");

/**
 * What the binding is built from: folders of its C++ sources and of Node's headers.
 * @throws Error where the optional package that holds the sources was left out of the installation
 */
export function bindingSources(): { readonly source: string; readonly headers: string } {
  const require = createRequire(import.meta.url);
  const folderOf = (name: string): string => dirname(require.resolve(`${name}/package.json`));
  try {
    return {
      source: join(folderOf("@tensorflow/tfjs-node-gpu"), "binding"),
      headers: join(folderOf("node-api-headers"), "include"),
    };
  } catch (error) {
    throw new Error(
      "the binding's sources are in the package @tensorflow/tfjs-node-gpu, which is not installed: npm install --ignore-scripts @tensorflow/tfjs-node-gpu@4.22.0",
      { cause: error },
    );
  }
}

/** What was set up. */
export interface TensorFlowSetup {
  /** Of TensorFlow. */
  readonly version: string;
  /** Whether the libraries are those for an NVIDIA GPU. */
  readonly gpu: boolean;
}

export const bindingFile = join(tensorflowFolder, "tfjs_binding.node");
const setupFile = join(tensorflowFolder, "setup.json");
const setupSchema = z.object({ version: z.string(), gpu: z.boolean() });

/** What `papo setup tensorflow` left; null before it ran. */
export function tensorflowSetup(): TensorFlowSetup | null {
  return existsSync(bindingFile) && existsSync(setupFile)
    ? readJsonFile(setupFile, setupSchema, "set it up again, npx papo setup tensorflow")
    : null;
}

export interface TensorFlowOptions {
  /** Threads inside a kernel; default: all cores. */
  readonly threads?: number;
  /**
   * "bfloat16": matrix products take their factors rounded to bfloat16 and sum in float32; on CPUs without such
   * instructions slower. Default "float32".
   */
  readonly precision?: "float32" | "bfloat16";
}

let loaded: { readonly binding: Binding; readonly precision: string } | null = null;

/**
 * The executor; the library is loaded once per process, so that precision and threads are those of the first call.
 * @throws Error saying what to run where it is not set up, or which precision the process already has
 */
export function loadTensorFlow({ threads, precision = "float32" }: TensorFlowOptions = {}): TensorFlowExecutor {
  if (tensorflowSetup() === null)
    throw new Error(
      'TensorFlow is not set up: run `npx papo setup tensorflow` (needs python3 with pip, and g++), or use the executor "onnxruntime"',
    );
  if (loaded !== null && loaded.precision !== precision)
    throw new Error(
      `TensorFlow runs in ${loaded.precision} in this process already: start another one for ${precision}`,
    );
  if (loaded === null) {
    // Read by the library when it is loaded.
    setVariable("TF_CPP_MIN_LOG_LEVEL", "2");
    if (precision === "bfloat16") setVariable("TF_SET_ONEDNN_FPMATH_MODE", "BF16");
    if (threads !== undefined) setVariable("TF_NUM_INTRAOP_THREADS", String(threads));
    loaded = { binding: createRequire(import.meta.url)(bindingFile) as Binding, precision };
  }
  return new TensorFlowExecutor(loaded.binding, `TensorFlow ${tensorflowSetup()?.version ?? ""}`.trim());
}
