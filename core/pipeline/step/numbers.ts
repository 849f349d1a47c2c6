/** Numbers of a step's first prompts and responses, for a step that is computed again and differs. */
import { viewDigest } from "../../checkpoint/kept-groups.ts";
import type { Group, Sample } from "../../contracts/step/sample.ts";
import type { ResponseNumbers, StepNumbers, ViewNumbers } from "../../contracts/step/step-outcome.ts";
import type { EncodedPrompt } from "../../model/model.ts";

/** Views, responses, and tokens of a response, that are written down at most. */
const most = 32;

/** Bits of patches in a step's line. */
const mostBits = 65_536;

/**
 * Of a step that is done, under 32 kB whatever its size.
 * @param sampled all groups that the step has sampled
 * @param trained those it trained on, whose samples have the views that are made for one response alone
 */
export function stepNumbers(sampled: readonly Group[], trained: readonly Group[]): StepNumbers {
  const responses = sampled
    .flatMap(({ round, samples }) => samples.map((sample) => [round, sample] as const))
    .slice(0, most);
  return {
    views: viewsOf(sampled, trained),
    responses: responses.map(([round, sample]) => responseNumbers(round, sample)),
  };
}

function viewsOf(sampled: readonly Group[], trained: readonly Group[]): ViewNumbers[] {
  let room = mostBits;
  const numbers = (
    view: string,
    encoded: EncodedPrompt,
    original: EncodedPrompt,
    place: Pick<ViewNumbers, "key" | "round" | "response">,
  ): ViewNumbers => {
    const changed = view === "original" || room < 0 ? null : changedPatches(original, encoded);
    const { dropped } = encoded;
    room -= (changed?.length ?? 0) + (dropped?.length ?? 0);
    const fits = room >= 0;
    return {
      view,
      ...place,
      digest: viewDigest(encoded),
      ...(fits && changed !== null ? { changed: base64(changed) } : {}),
      ...(fits && dropped !== undefined ? { dropped: base64(dropped) } : {}),
    };
  };
  const of = (prompts: readonly Group[]): ViewNumbers[] =>
    prompts
      .slice(0, most)
      .flatMap(({ key, round, prompt: { views } }) =>
        [...views].map(([view, encoded]) => numbers(view, encoded, views.get("original")!, { key, round })),
      );
  const own = trained.flatMap(({ key, round, samples }) =>
    samples.flatMap(({ prompt, views, response: { index } }) =>
      [...views]
        .filter(([view]) => !prompt.views.has(view))
        .map(([view, encoded]) => ({
          view,
          encoded,
          original: prompt.views.get("original")!,
          place: { key, round, response: index },
        })),
    ),
  );
  return [
    ...of(sampled),
    ...own.slice(0, most).map(({ view, encoded, original, place }) => numbers(view, encoded, original, place)),
  ];
}

/** 1 for each patch that is not the original's; null where patches cannot be held against each other. */
function changedPatches({ pictures: original }: EncodedPrompt, { pictures }: EncodedPrompt): Uint8Array | null {
  const alike =
    pictures.length === original.length &&
    pictures.every(
      ({ grid, pixels }, index) =>
        grid.join() === original[index]!.grid.join() && pixels.length === original[index]!.pixels.length,
    );
  if (!alike || pictures.length === 0) return null;
  return Uint8Array.from(
    pictures.flatMap(({ hash, grid, pixels }, index) => {
      const { hash: before, pixels: from } = original[index]!;
      const patches = grid.reduce((product, side) => product * side, 1);
      const width = pixels.length / patches;
      return Array.from({ length: patches }, (_, patch) =>
        hash === before || samePatch(from, pixels, patch * width, width) ? 0 : 1,
      );
    }),
  );
}

function samePatch(a: Float32Array, b: Float32Array, from: number, width: number): boolean {
  for (let index = from; index < from + width; index++) if (a[index] !== b[index]) return false;
  return true;
}

/** Eight flags to a byte. */
function base64(flags: Uint8Array): string {
  const bytes = new Uint8Array(Math.ceil(flags.length / 8));
  flags.forEach((flag, index) => (bytes[index >> 3]! |= flag << (index & 7)));
  return Buffer.from(bytes).toString("base64");
}

function responseNumbers(
  round: number,
  { prompt, response: { index, tokens, logProbs }, reward }: Sample,
): ResponseNumbers {
  const bytes = (array: Int32Array | Float32Array): string => {
    const { buffer, byteOffset, byteLength } = array.subarray(0, most);
    return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
  };
  return {
    key: prompt.key,
    round,
    index,
    length: tokens.length,
    tokens: bytes(tokens),
    logProbs: bytes(logProbs),
    reward,
  };
}
