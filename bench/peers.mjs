/**
 * Makes the peers' Python environment in bench/peer/.venv: `npm run bench:peers`. Needs python3 with venv and about 7
 * GB of disk; nothing else of the project needs it.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = join(dirname(fileURLToPath(import.meta.url)), "peer");
const run = (command, ...args) => {
  const { status } = spawnSync(command, args, { stdio: "inherit" });
  if (status !== 0) {
    console.error(`${command} ${args.join(" ")} failed: the peers need python3 (3.10 or newer) with venv and pip`);
    process.exit(1);
  }
};
if (!existsSync(join(folder, ".venv"))) run("python3", "-m", "venv", join(folder, ".venv"));
run(join(folder, ".venv", "bin", "python"), "-m", "pip", "install", "-r", join(folder, "requirements.txt"));
