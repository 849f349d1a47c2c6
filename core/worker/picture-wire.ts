/**
 * Prompts on their way to the worker: each picture crosses once per content hash. The main side decides alone what the
 * worker keeps and what it forgets, and says so with every message, so that the two sides cannot disagree.
 */
import type { EncodedPrompt } from "../model/model.ts";
import type { EncodedPicture } from "../model/processing/picture.ts";

/** A prompt whose pictures are named by hash. */
interface WirePrompt {
  readonly ids: Int32Array;
  readonly pictures: readonly string[];
  readonly dropped?: Uint8Array;
}

/** Prompts with the pictures that the other side does not have yet. */
export interface WirePrompts {
  readonly prompts: readonly WirePrompt[];
  /** To keep, before the prompts are read. */
  readonly pictures: readonly EncodedPicture[];
  /** Hashes to drop, after the prompts are read. */
  readonly forget: readonly string[];
}

/** The sending side: knows what the other side has. */
export interface PictureSender {
  pack(prompts: readonly EncodedPrompt[]): WirePrompts;
  /** Bytes of pixels that the other side holds once it has read all that was packed. */
  readonly heldBytes: number;
}

/**
 * Packs prompts for one receiver that keeps at most `limitBytes` of pixels (more only while a single message needs
 * more: then nothing but that message's pictures). The least recently used go first.
 */
export const createPictureSender = (limitBytes: number): PictureSender => {
  const held = new Map<string, number>();
  let heldBytes = 0;
  return {
    pack: (prompts) => {
      const used = new Map<string, EncodedPicture>();
      for (const prompt of prompts) for (const picture of prompt.pictures) used.set(picture.hash, picture);
      const pictures: EncodedPicture[] = [];
      for (const [hash, picture] of used) {
        if (!held.delete(hash)) {
          pictures.push({ ...picture, pixels: exact(picture.pixels) });
          heldBytes += picture.pixels.byteLength;
        }
        held.set(hash, picture.pixels.byteLength);
      }
      const forget: string[] = [];
      for (const [hash, bytes] of held) {
        if (heldBytes <= limitBytes || used.has(hash)) break;
        held.delete(hash);
        heldBytes -= bytes;
        forget.push(hash);
      }
      return {
        prompts: prompts.map(({ pictures, ...rest }) => ({
          ...rest,
          ids: exact(rest.ids),
          pictures: pictures.map(({ hash }) => hash),
        })),
        pictures,
        forget,
      };
    },
    get heldBytes() {
      return heldBytes;
    },
  };
};

/** The receiving side: keeps pictures as it is told. Messages must be unpacked in the order they were packed. */
export interface PictureReceiver {
  unpack(message: WirePrompts): EncodedPrompt[];
  readonly heldBytes: number;
}

export const createPictureReceiver = (): PictureReceiver => {
  const held = new Map<string, EncodedPicture>();
  const find = (hash: string): EncodedPicture => {
    const picture = held.get(hash);
    if (picture === undefined)
      throw new Error(`A prompt names the picture ${hash}, which was never sent: prompts were unpacked out of order`);
    return picture;
  };
  return {
    unpack: ({ prompts, pictures, forget }) => {
      for (const picture of pictures) held.set(picture.hash, picture);
      const unpacked = prompts.map((prompt) => ({ ...prompt, pictures: prompt.pictures.map(find) }));
      for (const hash of forget) held.delete(hash);
      return unpacked;
    },
    get heldBytes() {
      let bytes = 0;
      for (const { pixels } of held.values()) bytes += pixels.byteLength;
      return bytes;
    },
  };
};

/** A clone of a view carries its whole buffer along: copy what is only a part of one. */
export const exact = <A extends Int32Array | Float32Array>(array: A): A =>
  array.byteLength === array.buffer.byteLength ? array : (array.slice() as A);
