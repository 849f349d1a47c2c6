/**
 * Reward and judge servers with every fault, in the third step of a run: it stops or goes on as it was told to, and,
 * resumed with the server whole, ends as if nothing had been.
 */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { HttpRewardPlugin, JudgeRewardPlugin } from "@papo/plugins";
import type { Plugin, Run } from "@papo/core";
import { grpo } from "@papo/recipes";
import { train } from "../core/pipeline/run.ts";
import { banditSettings, letterRows, temporaryFolder } from "../test/support/bandit.ts";
import { serverFaults, startFaultyServer, type FaultyServer } from "../test/support/faulty-server.ts";
import { tabularPolicy } from "../test/support/tabular-policy.ts";
import { tally, type Result } from "./part.ts";

// A busy machine lets a sound server seem late: what hangs costs this much.
const limits = { retries: 1, timeoutSeconds: 10, maxAnswerMegabytes: 1 };
const kinds: Readonly<Record<string, { readonly right: string; readonly plugin: (url: string) => Plugin }>> = {
  "reward server": {
    right: '{"scores":[0.5]}',
    plugin: (url) => new HttpRewardPlugin({ part: "r", url, batch: 1, gather: 0, ...limits }),
  },
  judge: {
    right: '{"choices":[{"message":{"content":"score: 0.5"}}]}',
    plugin: (url) => new JudgeRewardPlugin({ url, model: "m", ...limits }),
  },
};
const settings = { ...banditSettings, steps: 4, promptsPerStep: 2, samplesPerPrompt: 2, checkpointEvery: 1 };
const raw = /[\u0000-\u0008\u001b]|\bundefined\b|fetch failed|Cannot read|\[object /;
const healthy = {
  outcome: 0.5,
  answer: (response: Parameters<(typeof serverFaults)[string]["answer"]>[0], right: string) =>
    void response.writeHead(200, { "Content-Type": "application/json" }).end(right),
};

const contents = (output: string): string =>
  ["metrics.jsonl", "checkpoints/step-4/policy/weights.json", "rewards/step-4.jsonl"]
    .map((name) => readFileSync(join(output, name), "utf8"))
    .join("\n");

/** Tells each step before its prompts are asked. */
class BeginsPlugin implements Plugin {
  readonly name = "BeginsPlugin";

  readonly #began: (step: number) => void;

  constructor(began: (step: number) => void) {
    this.#began = began;
  }

  apply({ hooks }: Run): void {
    hooks.prompts.tapPromise(this.name, async (rows, { step }) => (this.#began(step), rows));
  }
}

/** A run whose server is ill in the third step. */
async function run(server: FaultyServer, kind: string, fault: string | null, output: string): Promise<string | null> {
  const { right, plugin } = kinds[kind]!;
  server.now = { fault: healthy, right };
  const began = (step: number): void =>
    void (server.now = { fault: fault === null || step !== 3 ? healthy : serverFaults[fault]!, right });
  const ended = train({
    policy: tabularPolicy(),
    plugins: [plugin(server.url), ...grpo({ referenceKl: 0 }), new BeginsPlugin(began)],
    dataset: letterRows,
    settings,
    output,
    resume: true,
  });
  return ended.then(
    () => null,
    (error: unknown) => (error as Error).message,
  );
}

export async function servers(): Promise<readonly Result[]> {
  const server = await startFaultyServer();
  const results: Result[] = [];
  try {
    for (const kind of Object.keys(kinds)) {
      const losses: string[] = [];
      for (const fault of Object.keys(serverFaults)) {
        const folder = temporaryFolder();
        const [whole, ill] = [join(folder, "whole"), join(folder, "ill")];
        const lose = (what: string): void => void losses.push(`${kind}, ${fault}: ${what}`);
        const alone = await run(server, kind, null, whole);
        if (alone !== null) throw new Error(`the run of a server without a fault failed: ${alone}`);
        const error = await run(server, kind, fault, ill);
        if ((error === null) !== (typeof serverFaults[fault]!.outcome === "number")) lose(error ?? "nothing was said");
        else if (error !== null && raw.test(error)) lose(`it said ${error}`);
        else if (error !== null && !/step 2 is safe/.test(error)) lose(`what is safe is not said: ${error}`);
        else {
          const again = error === null ? null : await run(server, kind, null, ill);
          if (again !== null) lose(`it does not go on: ${again}`);
          else if (contents(ill) !== contents(whole)) lose("it ends otherwise");
          else console.log(`   ${kind}, ${fault}: ${error?.split("\n")[0]?.slice(0, 200) ?? "answered"}`);
        }
        rmSync(folder, { recursive: true, force: true });
      }
      results.push(
        tally(`${kind} × ${Object.keys(serverFaults).length} faults`, Object.keys(serverFaults).length, losses),
      );
    }
  } finally {
    server.close();
  }
  return results;
}
