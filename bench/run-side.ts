/**
 * This project's whole loop as a side: `node --import tsx bench/run-side.ts <workload> <model folder> <rows.jsonl>
 * <grpo|papo|papo-drop|papo-half|papo-all> <output> [empty plugins] [settings as JSON] [seconds a reward takes]`. A
 * task "step" lets one step run, or `count`.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { defineRunSettings } from "./run-settings.ts";
import { learnerSettings, openJsonl, openPolicy, parseSettings, type Plugin, train } from "@papo/core";
import { grpo, papo } from "@papo/recipes";
import { peakMemory, serve } from "./side.ts";
import type { Workload } from "./workloads.ts";

const [workloadText, folder, rows, recipe, output, empty, more, rewardSeconds] = process.argv.slice(2);
const settings = {
  ...defineRunSettings(JSON.parse(workloadText!) as Workload),
  ...(JSON.parse(more ?? "{}") as object),
};

/** Holds steps until they are asked for, and says when they are done. */
class GatePlugin implements Plugin {
  readonly name = "GatePlugin";
  #asked: { left: number; readonly begun: number; readonly done: (seconds: number) => void } | null = null;
  #open: () => void = () => undefined;

  /** Seconds of the next steps. */
  steps(count: number): Promise<number> {
    return new Promise((done) => {
      this.#asked = { left: count, begun: performance.now(), done };
      this.#open();
    });
  }

  apply({ hooks }: Parameters<Plugin["apply"]>[0]): void {
    hooks.prompts.tapPromise(this.name, async (drawn, { step, round }) => {
      if (step === 1 && round === 0) await this.#untilAsked();
      return drawn;
    });
    hooks.stepped.tapPromise(this.name, async () => {
      const asked = this.#asked!;
      if (--asked.left > 0) return undefined;
      this.#asked = null;
      asked.done((performance.now() - asked.begun) / 1000);
      await this.#untilAsked();
      return undefined;
    });
  }

  async #untilAsked(): Promise<void> {
    while (this.#asked === null) await new Promise<void>((resolve) => (this.#open = resolve));
  }
}

/** A plugin that does nothing, of a class of its own: name and class of a plugin are equal. */
function emptyPlugin(index: number): Plugin {
  const name = `EmptyPlugin${index}`;
  const classes: Record<string, new () => Plugin> = {
    [name]: class implements Plugin {
      readonly name = name;
      apply(): void {
        // Nothing.
      }
    },
  };
  return new classes[name]!();
}

class LengthRewardPlugin implements Plugin {
  readonly name = "LengthRewardPlugin";
  apply({ rewards }: Parameters<Plugin["apply"]>[0]): void {
    rewards.register({
      name: "length",
      weight: 1,
      timeoutSeconds: 10,
      onFailure: "stop",
      score: async ({ response }) => {
        await sleep(1000 * Number(rewardSeconds ?? 0));
        return (response.text.length % 7) / 7;
      },
    });
  }
}

const gate = new GatePlugin();
const base = grpo({ referenceKl: 0 });
const recipes = {
  grpo: base,
  papo: papo(base),
  "papo-drop": papo(base, { maskOn: "merge", maskFill: "drop" }),
  "papo-half": papo(base, { maskedShare: 0.5 }),
  "papo-all": papo(base, { maskOn: "merge", maskFill: "drop", maskedShare: 0.5 }),
};
const policy = await openPolicy({ folder: folder!, ...learnerSettings(parseSettings(settings)) });
const plugins = [
  new LengthRewardPlugin(),
  ...recipes[recipe as keyof typeof recipes],
  ...Array.from({ length: Number(empty ?? 0) }, (_, i) => emptyPlugin(i)),
  gate,
];
const running = train({ policy, plugins, dataset: await openJsonl(rows!), settings, output: output! });
running.catch((error: unknown) => {
  console.error((error as Error).message);
  process.exit(1);
});
await serve({
  step: async ({ count }) => ({
    seconds: await gate.steps((count as number | undefined) ?? 1),
    peak: peakMemory(),
    resident: process.memoryUsage().rss / 2 ** 20,
  }),
});
process.exit(0);
