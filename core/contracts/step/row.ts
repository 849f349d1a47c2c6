/** One row of a dataset: what a prompt is made of. */

/** A path, or a picture file in memory with a name for messages. */
export type PictureSource = string | { readonly bytes: Uint8Array; readonly name: string };

/** A turn of a conversation before the question. */
export interface Turn {
  /** Who says it. */
  readonly role: "user" | "assistant";
  /** `<image>` marks where a picture goes. */
  readonly content: string;
}

/** One row of a dataset. Other columns of the file are kept in `fields`. */
export interface Row {
  /** Unique in its dataset; every random number of the row is keyed by it. */
  readonly id: string;
  /** The user's turn; `<image>` marks where a picture goes. Where no text has a mark, the pictures come before it. */
  readonly prompt: string;
  /** An optional system turn; null leaves it to the chat template. */
  readonly system: string | null;
  /** Turns between the system turn and `prompt`; default none. */
  readonly history?: readonly Turn[];
  /** The pictures, in the order of their marks: in the system turn, the turns before, the prompt. */
  readonly images: readonly PictureSource[];
  /** What is right, as the data says it: rewards read it, the model does not. */
  readonly answer: string;
  /** Its other columns, by name, for rewards and templates. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Folder that paths in `fields` are relative to; default: the working directory. */
  readonly folder?: string;
}
