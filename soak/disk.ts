/**
 * A disk that is full: a limit of what one file may hold, in steps from none to the largest file of a run, and file
 * systems from a few kilobytes to all of a run. The run says so in a sentence and ends with 1; with room it goes on,
 * and ends as one that had room from the start.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { root, tally, type Result } from "./part.ts";
import { runChild, type ChildOptions } from "./smallest/child.ts";
import { contents, differences } from "./smallest/contents.ts";
import { atOnce } from "./smallest/random.ts";

const preset = "papo-d";
const steps = 2;
const said = /ENOSPC|EFBIG|no space left|file too large|disk/i;
const raw = /\n {4}at |terminate called|Napi|undefined|\[object/;

/** Sizes between two, each so many times the one before. */
const between = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => Math.round(from * (to / from) ** (index / Math.max(1, count - 1))));

/** Null: it ended as it should, and went on to the right end. */
async function outcome(
  short: ChildOptions,
  output: string,
  right: ReadonlyMap<string, string>,
): Promise<string | null> {
  const { ended, output: words } = await runChild(short);
  if (ended !== 0 && ended !== 1) return `it ended with ${ended}: ${words.slice(-300)}`;
  if (ended === 1 && !said.test(words)) return `it did not say that the disk is full: ${words.slice(-300)}`;
  if (raw.test(words)) return `it said ${raw.exec(words)![0]}: ${words.slice(-300)}`;
  if (short.output !== output && existsSync(short.output)) cpSync(short.output, output, { recursive: true });
  if (ended === 1) {
    const { ended: again, output: then } = await runChild({
      preset,
      steps,
      output,
      resume: existsSync(join(output, "run.json")),
    });
    if (again !== 0) return `with room it ended with ${again}: ${then.slice(-300)}`;
  }
  // A log that cannot be written says so and stops; the training goes on.
  const unlogged = /no more samples and alarms are logged/.test(words) ? /^(samples\.jsonl|pictures\/)/ : /(?!)/;
  const odd = differences(right, contents(output)).filter((name) => !unlogged.test(name));
  return odd.length === 0 ? null : `other: ${odd.slice(0, 6).join(", ")}`;
}

export async function disk(count: number): Promise<readonly Result[]> {
  if (process.platform === "win32")
    return [{ tried: "a full disk", found: "left out: Windows has no limit of a file's size", faults: 0, held: true }];
  const folder = join(root, "runs/soak/disk");
  rmSync(folder, { recursive: true, force: true });
  // All runs lie equally deep: a run says where its run file is from there.
  const whole = join(folder, "alone", "whole");
  const alone = await runChild({ preset, steps, output: whole });
  if (alone.ended !== 0) return [{ tried: "the run with room", found: `it ended with ${alone.ended}`, held: false }];
  const right = contents(whole);
  const sizes = readdirSync(whole, { recursive: true, encoding: "utf8" })
    .map((name) => statSync(join(whole, name)))
    .filter((file) => file.isFile())
    .map(({ size }) => size);
  const [largest, all] = [Math.max(...sizes), sizes.reduce((sum, size) => sum + size, 0)];

  const limited = async (size: number, index: number): Promise<string[]> => {
    const output = join(folder, "limited", `limit-${index}`);
    const loss = await outcome({ preset, steps, output, largestFile: size }, output, right);
    if (loss === null) rmSync(output, { recursive: true });
    return loss === null ? [] : [`files of ${size} bytes: ${loss}`];
  };
  const limits = between(512, largest * 1.1, count);
  const results = [
    tally(`files of ${limits[0]} to ${limits.at(-1)} bytes`, limits.length, (await atOnce(limits, limited)).flat()),
  ];

  const rooms = between(64 * 1024, all * 1.2, count);
  const mounted = join(folder, "mounted");
  const losses: string[] = [];
  for (const [index, size] of rooms.entries()) {
    mkdirSync(mounted, { recursive: true });
    if (spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "none", mounted], { stdio: "ignore" }).status !== 0) {
      results.push({ tried: "small file systems", found: "left out: none can be mounted here", faults: 0, held: true });
      return results;
    }
    const output = join(folder, "rooms", `room-${index}`);
    try {
      const loss = await outcome({ preset, steps, output: join(mounted, "run") }, output, right);
      if (loss === null) rmSync(output, { recursive: true });
      else losses.push(`a disk of ${size} bytes: ${loss}`);
    } finally {
      spawnSync("umount", [mounted]);
    }
  }
  results.push(tally(`file systems of ${rooms[0]} to ${rooms.at(-1)} bytes`, rooms.length, losses));
  return results;
}
