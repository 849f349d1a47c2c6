/** What a run trains: weights that learn, an engine that samples from them, and what turns rows into tokens. */
import type { Learner } from "../learner/learner.ts";
import type { EncodedPrompt } from "../model/model.ts";
import type { EncodedPicture, Picture, PictureOptions } from "../model/processing/picture.ts";
import type { Advice } from "../plan/advice.ts";
import type { MemoryPlan, PlannedRun } from "../plan/memory-plan.ts";
import type { RolloutEngine } from "../rollout/engine.ts";
import type { Row } from "./step/row.ts";

/** Rows and pictures in, tokens out, and back to text. */
export interface PromptProcessor {
  /** Patches of each picture, with content hashes. */
  encodePictures(pictures: readonly Picture[]): readonly EncodedPicture[] | Promise<readonly EncodedPicture[]>;
  /** The row's turns in the model's chat template, as many visual tokens as the pictures have. */
  encodePrompt(row: Pick<Row, "prompt" | "system" | "history">, pictures: readonly EncodedPicture[]): EncodedPrompt;
  /** How the run's pictures are read and resized, where that is not for the model's folder to say. */
  readonly pictures?: PictureOptions;
  /** Visual tokens that a picture becomes. */
  visualTokens(picture: EncodedPicture): number;
  /** Tokens of a text, as they would stand in a response. */
  encodeText(text: string): Int32Array;
  /**
   * What stands in a response between two turns of the policy: a turn of another role, whose `<image>` marks its
   * pictures replace, and how the chat template begins the
   * policy's next turn. The token that ended the turn before is not part of it. Absent: there are no environments.
   */
  encodeReply?(
    reply: { readonly text: string; readonly role: string },
    pictures: readonly EncodedPicture[],
  ): Int32Array;
  /** Text of a response, special tokens left out unless asked for. */
  decode(tokens: Int32Array, options?: { readonly special?: boolean }): string;
  /** What the chat template writes at the start of every response, such as `<think>`; "" for most. */
  readonly opening: string;
  /** Every token that ends a response. */
  readonly stopTokens: readonly number[];
  /** Tokens that are never sampled. */
  readonly bannedTokens: readonly number[];
}

/** What supervised training needs besides. */
export interface TextProcessor extends PromptProcessor {
  /** A response's text as tokens, with the token that ends it. */
  encodeResponse(text: string): Int32Array;
}

/** What a run takes, and what would make it take less. */
export interface PlannedMemory {
  readonly plan: MemoryPlan;
  readonly advice: () => Promise<readonly Advice[]>;
}

export interface Policy {
  readonly learner: Learner;
  /** Samples from the learner's current weights. */
  readonly rollout: RolloutEngine;
  readonly processor: PromptProcessor;
  /** The memory of a run with this policy, by shapes alone. Absent where that is not known. */
  readonly planMemory?: (run: PlannedRun) => Promise<PlannedMemory>;
}
