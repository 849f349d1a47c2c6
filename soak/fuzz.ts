/**
 * Damaged files of every kind, in processes that are watched: one that crashes, hangs or grows is lost, with the number
 * of its file.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { root, tally, type Result } from "./part.ts";
import { atOnce } from "./smallest/random.ts";

const shard = 1000;
/**
 * One file may take so long: readers of data have 10 seconds of their own. A process that begins trains a small run
 * first, whose files are damaged then.
 */
const mostMilliseconds = 60_000;
const mostToBegin = 600_000;
const seed = Number(process.env["SOAK_SEED"] ?? 1);

interface Outcome {
  readonly losses: readonly string[];
  readonly kinds: ReadonlyMap<string, number>;
}

function watched(from: number, count: number): Promise<Outcome & { readonly next: number }> {
  return new Promise((resolve) => {
    const child = spawn(
      process.execPath,
      ["--import", "tsx", join(root, "soak/fuzz-child.ts"), String(from), String(count), String(seed)],
      { cwd: root, stdio: ["ignore", "pipe", "pipe"] },
    );
    const losses: string[] = [];
    const kinds = new Map<string, number>();
    let [last, kind, said, hung] = [from - 1, "", "", false];
    const late = (): void => {
      hung = true;
      child.kill("SIGKILL");
    };
    let timer = setTimeout(late, mostToBegin);
    child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-500)));
    const lines = createInterface({ input: child.stdout });
    lines.on("line", (line) => {
      clearTimeout(timer);
      timer = setTimeout(late, mostMilliseconds);
      const told = JSON.parse(line) as { readonly index?: number; readonly kind?: string; readonly raw?: string };
      if (told.raw !== undefined) losses.push(told.raw);
      if (told.index === undefined) return;
      [last, kind] = [told.index, told.kind!];
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const done = code === 0;
      if (!done)
        losses.push(
          `seed ${seed}, file ${last} (${kind}): ${hung ? "it hangs" : `the process ended with ${signal ?? code}: ${said}`}`,
        );
      resolve({ losses, kinds, next: done ? from + count : last + 1 });
    });
  });
}

/** A shard goes on after a file that ended its process. */
async function all(from: number, count: number): Promise<Outcome> {
  const losses: string[] = [];
  const kinds = new Map<string, number>();
  for (let next = from; next < from + count;) {
    const outcome = await watched(next, from + count - next);
    losses.push(...outcome.losses);
    for (const [name, times] of outcome.kinds) kinds.set(name, (kinds.get(name) ?? 0) + times);
    next = Math.max(next + 1, outcome.next);
  }
  return { losses, kinds };
}

export async function fuzz(count: number): Promise<readonly Result[]> {
  const starts = Array.from({ length: Math.ceil(count / shard) }, (_, index) => index * shard);
  const outcomes = await atOnce(starts, (from) => all(from, Math.min(shard, count - from)));
  const losses = outcomes.flatMap((outcome) => outcome.losses);
  const names = new Set(outcomes.flatMap(({ kinds }) => [...kinds.keys()]));
  return [tally(`damaged files of ${names.size} kinds, seed ${seed}`, count, losses)];
}
