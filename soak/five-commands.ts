/** From an empty folder to a trained model, watched and reported, in five commands: what a newcomer types. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./part.ts";

export interface Command {
  readonly typed: string;
  readonly held: boolean;
  readonly seconds: number;
}

/**
 * The five in a folder that is emptied first; what comes after one that failed is not tried.
 * @param tarballs of `npm run release`
 */
export async function fiveCommands(folder: string, tarballs: readonly string[]): Promise<readonly Command[]> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  // A folder of somebody else's, without "type": "module".
  writeFileSync(join(folder, "package.json"), "{}\n");
  const typed = (program: string, args: readonly string[]) => (): boolean => run(program, args, { cwd: folder }) === 0;
  const trained = join("my-run", "runs");
  const runFolder = (): string => join(trained, readdirSync(join(folder, trained))[0] ?? "");
  const commands: readonly (readonly [string, () => boolean | Promise<boolean>])[] = [
    [
      "npm install --ignore-scripts <tarballs>",
      typed("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...tarballs]),
    ],
    ["npx papo init my-run", typed("npx", ["papo", "init", "my-run"])],
    ["npx papo train my-run/run.ts", typed("npx", ["papo", "train", "my-run/run.ts"])],
    ["npx papo watch my-run/runs/first", () => watched(folder, runFolder())],
    [
      "npx papo report my-run/runs/first",
      () =>
        typed("npx", ["papo", "report", runFolder(), "--output", "report.html"])() &&
        existsSync(join(folder, "report.html")),
    ],
  ];
  const done: Command[] = [];
  for (const [name, work] of commands) {
    const started = performance.now();
    const held = await work();
    done.push({ typed: name, held, seconds: (performance.now() - started) / 1000 });
    if (!held) break;
  }
  return done;
}

/** The page answers, and ends on Ctrl-C. */
async function watched(folder: string, runFolder: string): Promise<boolean> {
  const child = spawn(
    process.execPath,
    [join(folder, "node_modules/@papo/recipes/papo.mjs"), "watch", runFolder, "--port", "0"],
    { cwd: folder, stdio: ["ignore", "pipe", "inherit"] },
  );
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const address = await new Promise<string | undefined>((resolve) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const found = /http:\/\/\S+/.exec(text)?.[0];
      if (found !== undefined) resolve(found);
    });
    void ended.then(() => resolve(undefined));
  });
  const page = address === undefined ? "" : await fetch(address).then((answer) => answer.text());
  child.kill("SIGINT");
  await ended;
  return page.includes("<title>");
}
