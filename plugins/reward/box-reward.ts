import { parseOptions } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";
import { limitSchema, registerScore, scores } from "./thread/scoring.ts";

const schema = z.strictObject({
  /** Names the part of the reward. */
  part: z.string().min(1).default("iou"),
  /** Weight in the reward. */
  weight: z.number().default(1),
  /**
   * The row's column with the right boxes [x1, y1, x2, y2], one or a list, in the coordinates that the prompt asks for.
   * null: the row's answer, as JSON.
   */
  column: z.string().nullable().default(null),
  /** "iou": overlap over union; "threshold": 1 from `threshold` on, else 0. */
  value: z.enum(["iou", "threshold"]).default("iou"),
  /** See `value`. */
  threshold: z.number().min(0).max(1).default(0.5),
  ...limitSchema,
});

/**
 * How well the boxes of a response fit the right ones: each found box is matched with one right box, best overlaps
 * first, and the overlaps (intersection over union) are summed over the larger number of boxes, so that a missing box
 * and one too many cost the same. A response that gives a point [x, y] has 1 for it inside its box, else 0.
 */
export class BoxRewardPlugin implements Plugin {
  readonly name = "BoxRewardPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply(run: Run): void {
    registerScore(run, scores, "box", this.options);
  }
}
