/**
 * Kept groups as a checkpoint holds them: rows, what seeds their views, tokens, log-probs and rewards. Prompts are made
 * anew from these, since encoded pictures of all views would be far larger.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deserialize, serialize } from "node:v8";
import { textDigest } from "../data/file-digest.ts";
import type { GroupsByPlugin } from "../host/kept-groups.ts";
import type { EncodedPrompt } from "../model/model.ts";
import type { Group, Prompt, PromptOrigin, Response, Sample } from "../contracts/step/sample.ts";
import type { Row } from "../contracts/step/row.ts";
import { UnusableRowError } from "../contracts/step/unusable-row.ts";

/** Its name in a checkpoint; absent where nothing is kept. */
const file = "kept-groups.bin";
const FORMAT = 2;

interface SavedPrompt {
  readonly key: string;
  readonly row: Row;
  readonly origin: PromptOrigin;
  /** Digests of the encoded views, by name. */
  readonly views: Readonly<Record<string, string>>;
}

type SavedSample = Omit<Sample, "prompt" | "views">;

interface SavedGroup extends Omit<Group, "prompt" | "samples"> {
  readonly prompt: SavedPrompt;
  readonly samples: readonly SavedSample[];
}

interface SavedFile {
  readonly format: number;
  /**
   * Each group serialized for itself, or as it is in format 1: bytes must not tell which groups had an object in
   * common, which a resumed run's have not.
   */
  readonly plugins: Readonly<Record<string, readonly (readonly (Uint8Array | SavedGroup)[])[]>>;
}

/**
 * Write what is kept into a checkpoint's folder, in the structured-clone format of V8, which later versions of Node
 * read too.
 */
export function writeKeptGroups(folder: string, kept: GroupsByPlugin): void {
  if (Object.values(kept).every((lists) => lists.every((list) => list.length === 0))) return;
  const saved: SavedFile = { format: FORMAT, plugins: mapLists(kept, (group) => normalBytes(savedGroup(group))) };
  writeFileSync(join(folder, file), serialize(saved));
}

/** What a checkpoint keeps, with prompts made by `make`. @throws Error for a format that this version does not read */
export async function readKeptGroups(
  folder: string,
  make: (prompt: { readonly key: string; readonly row: Row; readonly origin: PromptOrigin }) => Promise<Prompt>,
): Promise<KeptGroupsRead> {
  const path = join(folder, file);
  if (!existsSync(path)) return { kept: {}, lost: [] };
  const { format, plugins } = deserialize(readFileSync(path)) as SavedFile;
  if (format !== FORMAT && format !== 1)
    throw new Error(
      `${path} has format ${String(format)}, this version reads up to ${FORMAT}: resume with the version that wrote it`,
    );
  const lost: string[] = [];
  const kept: Record<string, Group[][]> = {};
  for (const [plugin, lists] of Object.entries(plugins)) {
    kept[plugin] = [];
    for (const list of lists) {
      const groups: Group[] = [];
      for (const item of list) {
        const saved = item instanceof Uint8Array ? (deserialize(item) as SavedGroup) : item;
        const prompt = await make(saved.prompt).catch(unusable);
        const changed = typeof prompt === "string" ? null : changedView(saved.prompt, prompt);
        if (typeof prompt === "string")
          lost.push(`the group "${saved.key}" that ${plugin} kept is left out: ${prompt}`);
        else if (changed === null) groups.push(restored(saved, prompt));
        else
          lost.push(
            `the group "${saved.key}" that ${plugin} kept is left out: the view "${changed}" of its prompt is made otherwise than when its responses were sampled`,
          );
      }
      kept[plugin].push(groups);
    }
  }
  return { kept, lost };
}

/** V8 writes an array that it has read otherwise than one that was made here: all groups have been read once. */
const normalBytes = (group: SavedGroup): Uint8Array => serialize(deserialize(serialize(group)));

/** Why a row can be used no longer, a picture that is gone say. */
function unusable(error: unknown): string {
  if (error instanceof UnusableRowError) return error.message;
  throw error;
}

export interface KeptGroupsRead {
  readonly kept: GroupsByPlugin;
  /** Groups that cannot be given back as they were, a sentence each. */
  readonly lost: readonly string[];
}

function savedGroup({ prompt, samples, ...group }: Group): SavedGroup {
  const { key, row, origin } = prompt;
  if (origin === undefined)
    throw new Error(
      `the prompt "${key}" of the kept group "${group.key}" was made outside of a step and cannot be saved; keep groups that the run has sampled`,
    );
  const views = Object.fromEntries([...prompt.views].map(([name, view]) => [name, viewDigest(view)]));
  return {
    ...group,
    prompt: { key, row, origin, views },
    samples: samples.map(({ prompt: _prompt, views: _views, ...sample }) => sample),
  };
}

function restored({ prompt: _saved, samples, ...group }: SavedGroup, prompt: Prompt): Group {
  return {
    ...group,
    prompt,
    samples: samples.map((sample) => ({ ...sample, response: frozen(sample.response), prompt, views: prompt.views })),
  };
}

/** As sampling leaves it; segments that were saved without their text are those of one turn. */
const frozen = (response: Response): Response =>
  Object.freeze({
    ...response,
    segments: Object.freeze(
      response.segments.map((segment) =>
        Object.freeze({ ...segment, text: (segment.text as string | undefined) ?? response.text }),
      ),
    ),
  });

/** The first view that is not what it was; null where all are. */
function changedView({ views }: SavedPrompt, prompt: Prompt): string | null {
  const differs = Object.entries(views).find(([name, digest]) => {
    const view = prompt.views.get(name);
    return view === undefined || viewDigest(view) !== digest;
  });
  return differs?.[0] ?? null;
}

const digests = new WeakMap<EncodedPrompt, string>();

/**
 * Of all that the model is given: tokens, pictures by their hashes, visual tokens that are left out; and of what its
 * outputs regard. Made once for each view.
 */
export function viewDigest(view: EncodedPrompt): string {
  const { ids, pictures, dropped, regarded, values } = view;
  const digest =
    digests.get(view) ??
    textDigest(
      JSON.stringify([
        [...ids],
        pictures.map(({ hash, grid }) => [hash, grid]),
        dropped === undefined ? null : [...dropped],
        ...(regarded === undefined ? [] : [[...regarded]]),
        ...(values === undefined ? [] : [values]),
      ]),
    ).slice(0, 16);
  digests.set(view, digest);
  return digest;
}

const mapLists = <From, To>(
  lists: Readonly<Record<string, readonly (readonly From[])[]>>,
  change: (item: From) => To,
): Record<string, To[][]> =>
  Object.fromEntries(Object.entries(lists).map(([plugin, cells]) => [plugin, cells.map((cell) => cell.map(change))]));
