/** Where OpenXLA's plugin is, and whether it is there. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { setVariable } from "../../../machine/libc.ts";
import { projectFolder } from "../../project-folder.ts";
import { Executables } from "./executables.ts";
import { XlaExecutor, type XlaOptions } from "../executor.ts";
import { Memory } from "./memory.ts";
import { type ClientOptions, Pjrt } from "./pjrt.ts";
import { HloWriter } from "../writer.ts";
import { readJsonFile } from "../../../machine/json-file.ts";

/** The folder that `papo setup xla` fills. */
export const xlaFolder = join(projectFolder, ".xla");

/** What was set up, and what it was seen to run on. */
export interface XlaSetup extends XlaCheck {
  /** The wheel's name and version. */
  readonly wheel: string;
  readonly version: string;
  /** The plugin's library, in the folder. */
  readonly library: string;
  readonly cuda: boolean;
}

export interface XlaCheck {
  readonly platform: string;
  /** Of PJRT's interface. */
  readonly api: string;
  readonly devices: readonly string[];
}

const setupFile = join(xlaFolder, "setup.json");
const setupSchema = z.looseObject({ library: z.string() });

/** What `papo setup xla` left; null before it ran. */
export function xlaSetup(): XlaSetup | null {
  if (!existsSync(setupFile)) return null;
  const setup = readJsonFile(setupFile, setupSchema, "set it up again, npx papo setup xla") as unknown as XlaSetup;
  return existsSync(join(xlaFolder, setup.library)) ? setup : null;
}

/**
 * The plugin of this thread, shared by its executors: the client is closed with the last of them, or when the thread
 * ends.
 */
let shared: { readonly pjrt: Pjrt; users: number } | null = null;

/** The executor on the plugin that was set up. @throws Error saying what to run where it is not */
export function loadXla(options: XlaOptions = {}): XlaExecutor {
  const setup = xlaSetup();
  if (setup === null)
    throw new Error(
      'OpenXLA is not set up: run `npx papo setup xla` (needs python3 with pip), or use the executor "onnxruntime"',
    );
  const used = (shared ??= { pjrt: openPlugin(join(xlaFolder, setup.library), setup.cuda), users: 0 });
  used.users++;
  const close = (): void => {
    if (--used.users > 0) return;
    used.pjrt.close();
    shared = null;
  };
  const cache = join(xlaFolder, "cache");
  return new XlaExecutor(used.pjrt, { cache, ...options }, close, `${setup.wheel} ${setup.version}`);
}

/** A plugin by its file. @param cuda whether it is one for NVIDIA GPUs */
export function openPlugin(file: string, cuda: boolean): Pjrt {
  // Read by the library when it is loaded.
  setVariable("TF_CPP_MIN_LOG_LEVEL", "2");
  // Other programs may use the GPU too: memory is taken when it is needed, up to a share above the 75 % of the default.
  const options: ClientOptions = cuda ? { preallocate: false, memory_fraction: 0.92 } : {};
  const pjrt = new Pjrt(file, options);
  // The library's threads must not outlive the process's other parts.
  process.once("exit", () => pjrt.close());
  return pjrt;
}

/** Run a small program on a plugin. @throws Error with what the plugin says, or where the result is wrong */
export function checkXla(file: string, cuda: boolean): XlaCheck {
  const pjrt = openPlugin(file, cuda);
  try {
    const executables = new Executables(pjrt);
    const memory = new Memory(pjrt, executables);
    const hlo = new HloWriter();
    const x = hlo.argument([2, 2], "f32");
    const text = hlo.module([x], [hlo.product(x, x, { contracting: [[1], [0]] })]);
    const [product] = memory.run(executables.get(text, [{ shape: [2, 2], type: "f32", placement: "whole" }]), [
      memory.hold({ shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }),
    ]);
    const found = memory.get(memory.array(product!));
    if (found.join() !== "7,10,15,22")
      throw new Error(`the plugin ${file} computes [[1, 2], [3, 4]]² as ${found.join(", ")}`);
    return { platform: pjrt.platform, api: pjrt.version, devices: pjrt.devices };
  } finally {
    pjrt.close();
  }
}
