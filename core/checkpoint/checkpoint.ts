/** Checkpoints: everything a run needs to go on as if nothing had happened, in folders that are whole or not there. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { OrderPosition } from "../data/row-order.ts";
import type { Learner } from "../learner/learner.ts";
import { withoutSecrets } from "../options/secrets.ts";
import { flushFiles, writeFolderAtomic } from "../machine/atomic-file.ts";
import type { ComputedBy } from "./computed-by.ts";
import { findDamage, writeManifest } from "./manifest.ts";
import type { RunSettings } from "../contracts/settings.ts";
import { readJsonFile } from "../machine/json-file.ts";

const FORMAT = 2;
/** The first had sizes of files and no hashes. */
const READ = [1, FORMAT];

/**
 * Digests of the folders that a run's weights are read from, by what they are: "model", and "start", "reference",
 * "fixed.0", … of adapters.
 */
export type StartWeights = Readonly<Record<string, string>>;

/** What the run is: a resumed run must be the same one. */
export interface RunDescription {
  readonly settings: RunSettings;
  readonly plugins: readonly { readonly name: string; readonly options: unknown }[];
  readonly dataset: {
    readonly name: string;
    readonly size: number;
    /** See Dataset. */
    readonly digest?: string;
    /** Of the pictures that rows name by path, where there are any. */
    readonly pictures?: string;
  };
  /** Digests of the weights that it began with. */
  readonly weights?: StartWeights;
  /** Digests of the folders that it has teachers of, by name. */
  readonly teachers?: StartWeights;
  /** What computes it. */
  readonly computedBy?: ComputedBy;
  /** What of it was set from outside, "path=value" each. */
  readonly overrides?: readonly string[];
  /** The run file, from the run's folder. */
  readonly runFile?: string;
}

/** Everything of a run that is neither weights nor optimizer. All JSON. */
export interface RunState {
  /** Steps done. */
  readonly step: number;
  /** Outcome of the last of them, where the run was interrupted before the evaluation after it was done. */
  readonly unmeasured?: unknown;
  readonly position: OrderPosition;
  /** Rows left out so far, prompts over the limit included. */
  readonly skippedRows: number;
  /** Plugin states by plugin, as the host gives them. */
  readonly plugins: unknown;
  /** Values in force by coefficient. */
  readonly coefficients: Readonly<Record<string, number>>;
}

const stateSchema = z.looseObject({ format: z.number() });
interface StateFile {
  readonly format: number;
  readonly description: RunDescription;
  readonly state: RunState;
}

export interface Checkpoint {
  readonly folder: string;
  readonly state: RunState;
  readonly description: RunDescription;
}

/**
 * Where a checkpoint's weights and optimizer state lie, as the learner lays them out (embedded: a Hugging Face folder
 * `model/`).
 */
export const policyFolder = (checkpoint: string): string => join(checkpoint, "policy");

/**
 * Write `<root>/step-N`: `policy/` by the learner, `state.json`, and what `addFiles` writes; then remove the oldest
 * beyond `keep`. Later steps' folders, damaged ones that a resumed run passed over, do not count. A kill at any moment
 * leaves the earlier checkpoints as they were. Returns the folder.
 */
export async function writeCheckpoint(
  root: string,
  content: {
    readonly learner: Learner;
    readonly state: RunState;
    readonly description: RunDescription;
    readonly addFiles: (folder: string) => void;
  },
  keep: number,
): Promise<string> {
  const folder = join(root, `step-${content.state.step}`);
  mkdirSync(root, { recursive: true });
  await writeFolderAtomic(folder, async (temporary) => {
    mkdirSync(policyFolder(temporary), { recursive: true });
    await content.learner.save(
      policyFolder(temporary),
      content.description.settings.checkpointOptimizer ? "all" : "weights",
    );
    const file: StateFile = { format: FORMAT, description: content.description, state: content.state };
    writeFileSync(join(temporary, "state.json"), withoutSecrets(`${JSON.stringify(file, null, 2)}\n`));
    content.addFiles(temporary);
    // The disk works while the hashes are computed.
    const flushed = flushFiles(temporary);
    writeManifest(temporary);
    await flushed;
  });
  removeOldCheckpoints(root, content.state.step, keep);
  return folder;
}

/**
 * Of the checkpoints up to a step all but the newest `keep`, and what a kill has left of one that was being removed.
 * Later ones stay: a run that resumed before them has passed them over.
 */
export function removeOldCheckpoints(root: string, step: number, keep: number): void {
  const upTo = checkpointFolders(root).filter((one) => one.step <= step);
  for (const old of upTo.slice(keep)) rmSync(old.folder, { recursive: true, force: true });
}

/**
 * The newest checkpoint that is whole, of those up to step `upTo`. Those that are not (a file is missing, or is not
 * what was written) are passed over and named in `damaged`; checkpoints all damaged are an error, none at all is null.
 */
export function newestCheckpoint(
  root: string,
  upTo = Infinity,
): { readonly checkpoint: Checkpoint | null; readonly damaged: readonly string[] } {
  const damaged: string[] = [];
  for (const { folder, step } of checkpointFolders(root)) {
    if (step > upTo) continue;
    const damage = findDamage(folder);
    if (damage === null) return { checkpoint: readCheckpoint(folder), damaged };
    damaged.push(`${folder}: ${damage}`);
  }
  if (damaged.length > 0) throw new Error(`No checkpoint under ${root} is whole:\n${damaged.join("\n")}`);
  return { checkpoint: null, damaged };
}

/** Newest first, whole or not. */
export function checkpointFolders(root: string): { readonly folder: string; readonly step: number }[] {
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .flatMap((name) => {
      const found = /^step-(\d+)$/.exec(name);
      return found === null ? [] : [{ folder: join(root, name), step: Number(found[1]) }];
    })
    .sort((a, b) => b.step - a.step);
}

function readCheckpoint(folder: string): Checkpoint {
  const file = join(folder, "state.json");
  const { format, state, description } = readJsonFile(
    file,
    stateSchema,
    "remove this checkpoint's folder, and the next older one is taken",
  ) as unknown as StateFile;
  if (!READ.includes(format))
    throw new Error(
      `${file} has format ${String(format)}, this version reads ${READ.join(" and ")}: resume with the version that wrote it`,
    );
  return { folder, state, description };
}
