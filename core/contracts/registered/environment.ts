/**
 * What answers the policy between its turns, so that a response goes on: a tool, a second look at a picture, another
 * player.
 */
import type { Random } from "../../math/random.ts";
import type { Picture } from "../../model/processing/picture.ts";
import type { Prompt, Segment } from "../step/sample.ts";

/** A turn of the policy that it has ended itself, with a stop token. */
export interface EndedTurn {
  /** What the response is to; its pictures are those of the row. */
  readonly prompt: Prompt;
  /** Of the response in its group. @unit index */
  readonly response: number;
  /** Of the turn in the response, from 1. @unit turns */
  readonly turn: number;
  /** What the policy wrote in it, special tokens left out. */
  readonly text: string;
  /** The response so far, this turn the last of them. */
  readonly segments: readonly Segment[];
  /** Keyed by (seed, environment, step, round, prompt, response, turn). */
  readonly random: Random;
}

/** What an environment says. */
export interface Reply {
  /**
   * Its words; `<image>` marks where a picture goes. The chat template writes what stands around a turn and begins the
   * policy's next one.
   */
  readonly text: string;
  /** In the order of their marks. Views of the prompt leave them as they are. Default: none. */
  readonly pictures?: readonly Picture[];
  /** Whose turn it is to the chat template. Default "user". */
  readonly role?: "user" | "tool";
}

/**
 * Asked when the policy has ended a turn and the response has room for more; where a recipe has several, in its order,
 * until one answers. Its tokens are part
 * of the response, which the setting `sampling.maxNewTokens` bounds, are read by later turns, and are not trained on.
 * Auxiliary rollouts say which of them answer theirs.
 */
export interface Environment {
  /** Unique in a run. */
  readonly name: string;
  /** Turns of the policy in one response, at most, from 2: after the last of them it is not asked. @unit turns */
  readonly maxTurns: number;
  /**
   * Tokens of one answer, at most, visual ones and what the chat template writes around them included: a longer one is
   * an error. Default: as many as there is room for. @unit tokens
   */
  readonly maxReplyTokens?: number;
  /**
   * Visual tokens of the pictures in one answer, at most, for the plan of a run's memory; more is an error. Default 0:
   * it gives none. @unit visual tokens
   */
  readonly maxVisualTokens?: number;
  /**
   * What it says; null: nothing, the response is finished. Equal turns must get equal answers, or a resumed run is
   * another one: draw from `random`. A throw stops
   * the run. Turns of many responses are asked about at once.
   */
  reply(turn: EndedTurn): Reply | null | Promise<Reply | null>;
}
