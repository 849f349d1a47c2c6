/** Where OpenXLA's plugin is, and whether it is there. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setVariable } from "../libc.ts";
import { XlaExecutor, type XlaOptions } from "./executor.ts";
import { type ClientOptions, Pjrt } from "./pjrt.ts";

/** The folder that `papo setup xla` fills. */
export const xlaFolder = join(import.meta.dirname, "..", "..", "..", ".xla");

/** What was set up. */
export interface XlaSetup {
  /** The wheel's name and version. */
  readonly wheel: string;
  readonly version: string;
  /** The plugin's library, in the folder. */
  readonly library: string;
  /** Libraries that are loaded before it, in the folder. */
  readonly before: readonly string[];
  readonly cuda: boolean;
}

const setupFile = join(xlaFolder, "setup.json");

/** What `papo setup xla` left; null before it ran. */
export function xlaSetup(): XlaSetup | null {
  if (!existsSync(setupFile)) return null;
  const setup = JSON.parse(readFileSync(setupFile, "utf8")) as XlaSetup;
  return existsSync(join(xlaFolder, setup.library)) ? setup : null;
}

let opened: Pjrt | null = null;

/** The plugin with its client, one in a process; it is closed when the process ends. @throws Error saying what to run where it is not set up */
export function openXla(): Pjrt {
  if (opened !== null) return opened;
  const setup = xlaSetup();
  if (setup === null) throw new Error('OpenXLA is not set up: run `npx papo setup xla` (needs python3 with pip), or use the executor "onnxruntime"');
  opened = openPlugin(join(xlaFolder, setup.library), { cuda: setup.cuda, before: setup.before.map((library) => join(xlaFolder, library)) });
  return opened;
}

/** A plugin by its file. @param before libraries that it needs and would not find itself */
export function openPlugin(file: string, { cuda, before }: { readonly cuda: boolean; readonly before: readonly string[] }): Pjrt {
  // Read by the library when it is loaded.
  setVariable("TF_CPP_MIN_LOG_LEVEL", "2");
  const options: ClientOptions = cuda ? { preallocate: false } : {};
  const pjrt = new Pjrt(file, options, before);
  process.once("exit", () => pjrt.close());
  return pjrt;
}

/** The executor on the plugin that was set up. */
export const loadXla = (options: XlaOptions = {}): XlaExecutor => new XlaExecutor(openXla(), options);
