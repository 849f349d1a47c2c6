import { parseOptions, withoutPictures } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";

const schema = z.strictObject({
  /** Name of the view. */
  view: z.string().default("blind"),
  /**
   * "attention": nobody attends to the visual tokens, positions stay (PGPO); "removed": the prompt has no picture at
   * all (ToR).
   */
  by: z.enum(["attention", "removed"]).default("attention"),
});

/**
 * The view "blind": the prompt without what its pictures say, by masking attention to the visual tokens (PGPO,
 * arXiv:2604.01840) or by taking the pictures out of the prompt (ToR, arXiv:2603.25077). Its pass is cheaper than the
 * original's: no visual token is computed.
 */
export class BlindViewPlugin implements Plugin {
  readonly name = "BlindViewPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ views }: Run): void {
    const { view: name, by } = this.options;
    views.register(
      by === "removed"
        ? { name, prompt: withoutPictures }
        : { name, dropped: (tokens) => new Uint8Array(tokens).fill(1) },
    );
  }
}
