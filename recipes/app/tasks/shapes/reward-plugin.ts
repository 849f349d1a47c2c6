/** The task's rewards as a plugin. */
import type { Plugin, Run } from "@papo/core";
import { shapesScorers } from "./judge.ts";

/** reward = 0.9 · accuracy + 0.1 · format, the weights of PAPO's recipe (arXiv:2507.06448). */
export class ShapesRewardPlugin implements Plugin {
  readonly name = "ShapesRewardPlugin";

  apply({ rewards }: Run): void {
    for (const scorer of shapesScorers()) rewards.register(scorer);
  }
}
