/**
 * `npm run soak [-- <part>[=<count>] …]`: what takes too long for the tests, or needs the network. Without a name all
 * parts run, one after the other; a table at the end says what was tried, how many faults that were, and what was lost.
 * Exits 1 where something did not hold.
 */
import type { Part, Result } from "./part.ts";
import { script } from "./part.ts";

/** A part's own file is read when it is asked for: the others go on without what it needs. */
export const parts: Readonly<Record<string, Part>> = {
  /** SIGKILL at random instants, over all presets; 200. */
  kills: async (count) => (await import("./kills.ts")).kills(count ?? 200),
  /** As many SIGTERM as SIGINT at random instants; 20 of each. */
  signals: async (count) => (await import("./signals.ts")).signals(count ?? 20),
  /** A full disk under `papo train`: limits of a file's size, and small file systems; 40 of each. */
  disk: async (count) => (await import("./disk.ts")).disk(count ?? 40),
  /** Damaged files of every kind that is read; 20,000. */
  fuzz: async (count) => (await import("./fuzz.ts")).fuzz(count ?? 20_000),
  /** Every hook and every registered function, with every fault, in a run that goes on after it. */
  hooks: async () => (await import("./hooks.ts")).hooks(),
  /** Reward and judge servers with every fault, in a run that goes on after it. */
  servers: async () => (await import("./servers.ts")).servers(),
  /** The smallest run for 2,000 steps: memory, handles, threads, time of a step, sizes of files. */
  long: async (count) => (await import("./long.ts")).long(count ?? 2000),
  /** From tarballs in an empty folder to a trained model, in five commands. */
  packages: async () => (await import("./packages.ts")).packages(),
  /** What loggers write, read by the peers' own packages. Needs Python. */
  logs: async () => (await import("./logs.ts")).logs(),
  /** A sweep that is killed and gone on with; 4. */
  sweep: async (count) => (await import("./sweep.ts")).sweep(count ?? 4),
  /** Every test on OpenXLA's plugin for the processor, and signals to runs on it. Needs Python. */
  xla: async () => (await import("./xla.ts")).xla(),
  /** Folders and adapters of every family in transformers and PEFT. Needs Python. */
  folders: async () => (await import("./folders.ts")).folders(),
  /** Every command of the pages. */
  docs: async () => (await import("./docs.ts")).docs(),
  /** Coverage of the intervals and size of the test of a paired comparison, 2,000 evaluations in each world. */
  intervals: script("node", ["--import", "tsx", "docs/scripts/measure-intervals.ts", "2000"]),
  /** The pages as a site: links that lead nowhere are errors of the generator. */
  site: script("node", ["docs/site/build.mjs"]),
  /** Every finding still holds. Needs Python. */
  findings: script("bash", ["-c", 'for f in findings/*.sh; do echo "$f"; bash "$f" || exit 1; done']),
};

const asked = process.argv.slice(2).map((word) => word.split("=") as [string, string?]);
const unknown = asked.filter(
  ([name, count]) => !Object.hasOwn(parts, name) || (count !== undefined && !/^[1-9]\d*$/.test(count)),
);
if (unknown.length > 0) {
  console.error(
    `There is no part ${unknown.map((words) => words.join("=")).join(", ")}; there are ${Object.keys(parts).join(", ")}, each with =<count> where it counts.`,
  );
  process.exit(2);
}

const results: (Result & { readonly part: string })[] = [];
const began = Date.now();
for (const [name, count] of asked.length > 0 ? asked : Object.keys(parts).map((part) => [part] as [string, string?])) {
  console.log(`\n== ${name}`);
  const started = Date.now();
  try {
    for (const result of await parts[name]!(count === undefined ? null : Number(count)))
      results.push({ part: name, ...result });
  } catch (error) {
    results.push({ part: name, tried: "all of it", found: (error as Error).message.split("\n")[0]!, held: false });
  }
  // What is known stays known where a later part is cut short.
  for (const { part, tried, found, held } of results)
    if (part === name) console.log(`   ${held ? "held" : "NOT HELD"}: ${tried}: ${found}`);
  console.log(`   ${name}: ${Math.round((Date.now() - started) / 1000)} s`);
}

const faultsOf = ({
  faults = 1,
  held,
  lost = held ? 0 : faults,
}: Result): { tried: number; survived: number; lost: number } => ({ tried: faults, survived: faults - lost, lost });
console.log("");
// eslint-disable-next-line no-console -- a table is what it is for
console.table(
  Object.fromEntries(
    results.map((result, index) => {
      const { tried, survived, lost } = faultsOf(result);
      return [
        index + 1,
        {
          part: result.part,
          what: result.tried,
          found: result.found,
          tried,
          survived,
          lost,
          held: result.held ? "yes" : "NO",
        },
      ];
    }),
  ),
);
console.log(`${Math.round((Date.now() - began) / 60_000)} minutes in all`);
process.exitCode = results.every(({ held }) => held) ? 0 : 1;
