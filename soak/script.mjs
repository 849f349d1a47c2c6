/** A part that is one program: it holds where the program ends with 0. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** Runs a program in the project's folder, or in another, showing what it prints. */
export function run(program, args, { cwd = root, env = {} } = {}) {
  console.log(`   ${[program, ...args].join(" ")}`);
  return spawnSync(program, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "inherit", "inherit"], shell: process.platform === "win32" }).status;
}

export const script = (program, args) => () => {
  const status = run(program, args);
  return [{ tried: [program, ...args].join(" ").slice(0, 60), found: `exit code ${status}`, held: status === 0 }];
};
