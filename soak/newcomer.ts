/** Where somebody stands who has no clone: packages are tried there, and nothing of this project may help. */
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./part.ts";

/**
 * A new empty folder. Not within the clone: Node looks for packages in every folder above, and would find there what an
 * installation leaves out. What the clone's .npmrc says is taken out of the environment, into which `npm run` puts it:
 * an installation without --ignore-scripts would be one with it.
 */
export function newcomersFolder(): string {
  for (const line of readFileSync(join(root, ".npmrc"), "utf8").split("\n")) {
    const [name] = line.split("=");
    delete process.env[`npm_config_${name!.trim().replaceAll("-", "_")}`];
  }
  return mkdtempSync(join(tmpdir(), "papo-newcomer-"));
}
