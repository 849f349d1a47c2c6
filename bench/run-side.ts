/** This project's whole loop as a side: `node --import tsx bench/run-side.ts <workload> <model folder> <rows.jsonl> <grpo|papo|papo-drop> <output> [empty plugins] [settings as JSON]`. A task "step" lets one step run. */
import { defineRunSettings } from "./run-settings.ts";
import { learnerSettings, openJsonl, openPolicy, parseSettings, type Plugin, train } from "@papo/core";
import { grpo, papo } from "@papo/recipes";
import { peakMemory, serve } from "./side.ts";
import type { Workload } from "./workloads.ts";

const [workloadText, folder, rows, recipe, output, empty, more] = process.argv.slice(2);
const settings = { ...defineRunSettings(JSON.parse(workloadText!) as Workload), ...(JSON.parse(more ?? "{}") as object) };

/** Holds each step until it is asked for, and says when it is done. */
class GatePlugin implements Plugin {
  readonly name = "GatePlugin";
  #open: () => void = () => undefined;
  #done: (seconds: number) => void = () => undefined;
  #gate: Promise<void> | null = null;
  #begun = 0;

  constructor() {
    this.#close();
  }

  /** Seconds of the next step. */
  step(): Promise<number> {
    return new Promise((resolve) => {
      this.#done = resolve;
      this.#open();
    });
  }

  apply({ hooks }: Parameters<Plugin["apply"]>[0]): void {
    hooks.prompts.tapPromise(this.name, async (drawn, { round }) => {
      if (round === 0) {
        await this.#gate;
        this.#begun = performance.now();
      }
      return drawn;
    });
    hooks.stepped.tapPromise(this.name, async () => {
      this.#close();
      this.#done((performance.now() - this.#begun) / 1000);
      return undefined;
    });
  }

  #close(): void {
    this.#gate = new Promise((resolve) => (this.#open = resolve));
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
    rewards.register({ name: "length", weight: 1, timeoutSeconds: 10, onFailure: "stop", score: ({ response }) => (response.text.length % 7) / 7 });
  }
}

const gate = new GatePlugin();
const base = grpo({ referenceKl: 0 });
const recipes = { grpo: base, papo: papo(base), "papo-drop": papo(base, { maskOn: "merge", maskFill: "drop" }) };
const policy = await openPolicy({ folder: folder!, ...learnerSettings(parseSettings(settings)) });
const plugins = [new LengthRewardPlugin(), ...recipes[recipe as keyof typeof recipes], ...Array.from({ length: Number(empty ?? 0) }, (_, i) => emptyPlugin(i)), gate];
const running = train({ policy, plugins, dataset: await openJsonl(rows!), settings, output: output! });
running.catch((error: unknown) => {
  console.error((error as Error).message);
  process.exit(1);
});
await serve({ step: async () => ({ seconds: await gate.step(), peak: peakMemory(), resident: process.memoryUsage().rss / 2 ** 20 }) });
process.exit(0);
