/**
 * The commands of a fresh clone: `npm start`, `npm test`, `npm run build` and `npm run release` come here,
 * `node setup.mjs start|test|build|release [arguments]`.
 * Needs Node and npm alone: it installs what the lock file names and node_modules lacks, then runs the command.
 * Plain JavaScript without dependencies, because it runs before anything is installed.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeProblem } from "./recipes/app/node-version.mjs";

const root = dirname(fileURLToPath(import.meta.url));

/**
 * What each command runs after the installation, relative to the project's folder, and whether it needs what develops
 * the project (compilers, linters, the test runner).
 */
const commands = {
  start: { script: ["recipes/papo.mjs", "demo"], develops: false },
  test: { script: ["node_modules/vitest/vitest.mjs", "run"], develops: true },
  build: { script: ["build/build.mjs"], develops: true },
  release: { script: ["build/release.mjs"], develops: true },
};

/**
 * Packages that the lock file in `folder` names and its node_modules lacks or holds in another version.
 * npm leaves out optional packages of other platforms, so an absent optional package is not missing.
 * @param develops whether those that only develop the project count
 */
export function missingPackages(folder, develops = true) {
  const wanted = lockedPackages(join(folder, "package-lock.json"));
  if (wanted === null)
    throw new Error(`${join(folder, "package-lock.json")} is missing or unreadable: clone the project again.`);
  const installed = lockedPackages(join(folder, "node_modules", ".package-lock.json")) ?? {};
  return Object.entries(wanted)
    .filter(([path, entry]) => {
      if (!path.includes("node_modules/") || (entry.dev && !develops)) return false;
      if (entry.link) return !existsSync(join(folder, path));
      const found = installed[path];
      if (found === undefined || !existsSync(join(folder, path)))
        return !(entry.optional || entry.devOptional || entry.peer);
      return found.version !== entry.version;
    })
    .map(([path]) => path);
}

/** The map from place to package of an npm lock file; null where there is none to read. */
function lockedPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages ?? {};
  } catch {
    return null;
  }
}

/** Runs a program in the project's folder, passes signals on, resolves to its exit code. */
function runProgram(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, stdio: "inherit", ...options });
    const forwarders = ["SIGINT", "SIGTERM", "SIGHUP"].map((signal) => {
      // A terminal sends Ctrl-C to the child as well: a second one from here would count as "stop at once".
      const forward = () => (signal === "SIGINT" && process.stdin.isTTY ? undefined : child.kill(signal));
      process.on(signal, forward);
      return () => process.off(signal, forward);
    });
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      for (const remove of forwarders) remove();
      resolve(code ?? 128 + (constants.signals[signal] ?? 1));
    });
  });
}

/** Shows how many of the packages have arrived, until the returned function is called. */
function showProgress(paths) {
  const started = Date.now();
  const inPlace = process.stdout.isTTY;
  const timer = setInterval(
    () => {
      // npm makes all folders first: a package has arrived when its package.json is there.
      const there = paths.filter((path) => existsSync(join(root, path, "package.json"))).length;
      const seconds = Math.round((Date.now() - started) / 1000);
      process.stdout.write(
        `${inPlace ? "\r" : ""}  ${there} of ${paths.length} packages, ${seconds} s${inPlace ? "  " : "\n"}`,
      );
    },
    inPlace ? 500 : 5000,
  );
  return () => {
    clearInterval(timer);
    console.log(`${inPlace ? "\r" : ""}  Installed in ${Math.round((Date.now() - started) / 1000)} s.`);
  };
}

/**
 * Installs what is missing. Throws with the reason when that fails. @param verbose whether it speaks with nothing to do
 */
async function install(develops, verbose) {
  const missing = missingPackages(root, develops);
  if (missing.length === 0) {
    if (verbose) console.log("Dependencies: installed, as the lock file says.");
    return;
  }
  console.log(`Node ${process.versions.node} on ${process.platform} ${process.arch}.`);
  console.log(
    `Dependencies: ${missing.length} packages are missing or differ from the lock file; running npm ci (install scripts stay off).`,
  );
  const stopProgress = showProgress(missing);
  // On Windows npm is a batch file, which only a shell can start.
  const omit = develops ? [] : ["--omit=dev"];
  const code = await runProgram(
    "npm",
    ["ci", ...omit, "--no-audit", "--no-fund", "--ignore-scripts", "--no-progress", "--loglevel=error"],
    { shell: process.platform === "win32" },
  ).finally(stopProgress);
  if (code !== 0)
    throw new Error(
      `npm ci failed with exit code ${code}; its message is above. The package registry must be reachable.`,
    );
  const left = missingPackages(root, develops);
  if (left.length > 0)
    throw new Error(`npm ci finished, but ${left.length} packages are still missing, ${left[0]} for one.`);
}

/** Runs one of the commands with further arguments; resolves to the exit code. */
async function main([name, ...rest]) {
  const problem = nodeProblem(process.versions.node);
  if (problem !== null) throw new Error(problem);
  const command = Object.hasOwn(commands, name ?? "") ? commands[name] : undefined;
  if (command === undefined)
    throw new Error(
      `Unknown command "${name ?? ""}": use node setup.mjs ${Object.keys(commands).join(" | ")} [arguments].`,
    );
  const verbose = rest.includes("--verbose");
  await install(command.develops, verbose);
  const [script, ...args] = command.script;
  if (verbose) console.log(`Running: node ${[script, ...args, ...rest].join(" ")}\n`);
  return runProgram(process.execPath, [join(root, script), ...args, ...rest]);
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
