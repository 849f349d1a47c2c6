/** A learner's batch on its way to the worker. */
import type { Against, LearnerBatch } from "../learner/learner.ts";
import { exact, type PictureReceiver, type PictureSender, type WirePrompts } from "./picture-wire.ts";

export interface WireBatch {
  /** The batch's, and after them the pictures in responses, of each row with flags in their order. */
  readonly prompts: WirePrompts;
  /** Where an environment wrote, in `flags`. */
  readonly rows: readonly { readonly prompt: number; readonly tokens: Int32Array; readonly flags?: Uint8Array }[];
  readonly temperature: number;
  readonly against?: Omit<Against, "prompts"> & { readonly prompts: WirePrompts };
}

const noTokens = new Int32Array(0);

export function packBatch({ prompts, rows, temperature, against }: LearnerBatch, sender: PictureSender): WireBatch {
  const inResponses = rows.flatMap(({ given }) =>
    given === undefined ? [] : [{ ids: noTokens, pictures: given.pictures }],
  );
  return {
    prompts: sender.pack([...prompts, ...inResponses]),
    rows: rows.map(({ prompt, tokens, given }) => ({
      prompt,
      tokens: exact(tokens),
      ...(given === undefined ? {} : { flags: given.flags }),
    })),
    temperature,
    ...(against === undefined ? {} : { against: { ...against, prompts: sender.pack(against.prompts) } }),
  };
}

/** When the message arrives: batches are unpacked in the order they were packed. */
export function unpackBatch(
  { prompts: packed, rows: wired, temperature, against }: WireBatch,
  receiver: PictureReceiver,
): LearnerBatch {
  const prompts = receiver.unpack(packed);
  const own = prompts.length - wired.filter(({ flags }) => flags !== undefined).length;
  let next = own;
  const rows = wired.map(({ flags, ...row }) =>
    flags === undefined ? row : { ...row, given: { flags, pictures: prompts[next++]!.pictures } },
  );
  return {
    prompts: prompts.slice(0, own),
    rows,
    temperature,
    ...(against === undefined ? {} : { against: { ...against, prompts: receiver.unpack(against.prompts) } }),
  };
}
