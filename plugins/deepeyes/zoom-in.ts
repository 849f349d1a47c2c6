import { parseOptions, rewardPart } from "@papo/core";
import type { EndedTurn, Picture, Plugin, Reply, Response, Run } from "@papo/core";
import { z } from "zod";
import { cropped, regionOf } from "./region.ts";
import { filledIn } from "../words/filled-in.ts";

const schema = z.strictObject({
  /**
   * Regular expression of a region in what the policy wrote; the last one in a turn counts. Four groups are x1, y1, x2
   * and y2; two are the row (a, b, …) and the column
   * (1, 2, …) of a cell.
   */
  region: z
    .string()
    .default(
      '"bbox(?:_2d)?"\\s*:\\s*\\[\\s*(-?[\\d.]+)\\s*,\\s*(-?[\\d.]+)\\s*,\\s*(-?[\\d.]+)\\s*,\\s*(-?[\\d.]+)\\s*\\]',
    ),
  /** What four groups count: "pixels" of the picture as the row has it, or "thousandths" of its width and height. */
  units: z.enum(["pixels", "thousandths"]).default("pixels"),
  /** Side of a cell, for two groups. */
  cell: z.int().positive().meta({ unit: "pixels" }).default(28),
  /** A turn that holds this is the last: the policy has answered. "": none is. */
  answered: z.string().default("<answer>"),
  /** What is said with the region; {region} is filled in. */
  words: z.string().default("<tool_response><image></tool_response>"),
  /**
   * What is said of a region that is not in the picture; {region} is filled in. "": nothing, the response is finished.
   */
  missing: z.string().default("<tool_response>There is nothing at {region} of the picture.</tool_response>"),
  /** Sides of what is shown, at least: smaller regions are widened on all sides, as far as the picture goes. */
  leastSide: z.int().positive().meta({ unit: "pixels" }).default(28),
  /** Turns of a response, at most: one less are looks. */
  maxTurns: z.int().min(2).meta({ unit: "turns" }).default(5),
  /** Visual tokens of one region, at most: larger ones are an error. */
  maxVisualTokens: z.int().positive().meta({ unit: "visual tokens" }).default(1280),
  /** Added to the reward of a right response that has looked; 0: nothing. */
  bonus: z.number().nonnegative().meta({ unit: "reward" }).default(1),
  /** The part of the reward that says whether a response is right. */
  metric: z.string().default("accuracy"),
  /** A response is right when that part is above this. */
  threshold: z.number().meta({ unit: "reward" }).default(0.5),
});

const hasPicture = ({ segments }: Pick<Response, "segments">): boolean =>
  segments.some(({ pictures = [] }) => pictures.length > 0);

/**
 * The policy names a region of its picture, is shown the region enlarged, and goes on: thinking with images (DeepEyes,
 * arXiv:2505.14362). Only what the policy wrote is
 * trained on. r ← r + bonus · 1[it has looked, and is right] (its conditional reward of tools; its release, at 04dbb92,
 * adds 0.4 whether the answer is right or not). Looks
 * are at the first picture of the prompt, as the row has it, under every view. The words around a region are ours, and
 * so is widening small ones with the picture around them.
 *
 * Metrics: deepeyes/looked, the share of responses that were shown a region; deepeyes/looks, regions shown to a
 * response; deepeyes/missing, answers to a response that
 * there is no such region; deepeyes/bonus, the mean bonus.
 */
export class ZoomInPlugin implements Plugin {
  readonly name = "ZoomInPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ environments, hooks, metric }: Run): void {
    const { maxTurns, maxVisualTokens, bonus, metric: part, threshold } = this.options;
    environments.register({ name: "zoom-in", maxTurns, maxVisualTokens, reply: (turn) => this.reply(turn) });
    hooks.rewards.tapPromise(this.name, (rewards, { samples, role }) => {
      if (role !== undefined) return Promise.resolve(rewards);
      return Promise.resolve(
        samples.map((sample, index) => {
          const answers = sample.response.segments.filter(({ source }) => source === "environment");
          const looks = answers.filter(({ pictures = [] }) => pictures.length > 0).length;
          const earned = bonus > 0 && hasPicture(sample.response) && rewardPart(sample, part) > threshold ? bonus : 0;
          metric("deepeyes/looked", looks > 0 ? 1 : 0);
          metric("deepeyes/looks", looks);
          metric("deepeyes/missing", answers.length - looks);
          metric("deepeyes/bonus", earned);
          return rewards[index]! + earned;
        }),
      );
    });
  }

  /** What is said after a turn; null after one that names no region, or has answered. */
  reply({ prompt: { pictures }, text }: Pick<EndedTurn, "prompt" | "text">): Reply | null {
    const { answered, words, missing, leastSide } = this.options;
    const [picture] = pictures as readonly [Picture?];
    if (picture === undefined || (answered !== "" && text.includes(answered))) return null;
    const named = regionOf(text, this.options);
    if (named === null) return null;
    const shown = cropped(picture, named.box(picture), leastSide);
    if (shown !== null) return { text: filledIn(words, { region: named.name }), pictures: [shown] };
    return missing === "" ? null : { text: filledIn(missing, { region: named.name }) };
  }
}
