import { parseOptions } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";

const schema = z.strictObject({
  /** Name of the view. */
  view: z.string().default("counterfactual"),
  /**
   * Standard deviations above the mean from which a text token's attention to a visual token is cut off from its value.
   * Release: 0, 1, 2 or 3.
   */
  deviations: z.number().meta({ unit: "standard deviations" }).default(2),
});

/**
 * The view "counterfactual": the prompt as it is, read by a decoder in which text tokens do not get what they look at
 * most of the picture. In every layer, what falls on visual tokens with more than mean + 2σ of a text token's attention
 * reads the mean of the visual tokens' values in their place (CFPO, arXiv:2606.23206; release: qwen2_vl_cmve.py). The
 * term is PAPO's, PerceptionKlPlugin with this view and γ = 0.02 on GRPO, 0.01 on DAPO, as in the release. It differs
 * in one thing: mean and σ are those of one token over heads and visual tokens, in the release of a picture over all
 * heads and all tokens after it, so that what a token reads there depends on tokens that follow. Scored without a
 * gradient, as there; not sampled from.
 */
export class CounterfactualViewPlugin implements Plugin {
  readonly name = "CounterfactualViewPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ views }: Run): void {
    const { view: name, deviations } = this.options;
    views.register({ name, values: { deviations } });
  }
}
