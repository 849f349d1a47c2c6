/** The project's files as the house tests see them. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** Absolute path of the project's folder, with a slash at its end. */
export const projectFolder = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Paths that git tracks, relative to the project, that still exist; all paths where there is no git, as in an unpacked
 * archive.
 */
export function projectFiles(): string[] {
  const tracked = trackedFiles();
  return tracked.length > 0 ? tracked.filter((path) => existsSync(projectFolder + path)) : filesUnder(projectFolder);
}

function trackedFiles(): string[] {
  try {
    const output = execFileSync("git", ["ls-files", "-z"], {
      cwd: projectFolder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return output.split("\0").filter((path) => path !== "");
  } catch {
    return [];
  }
}

const notOurs = new Set(["node_modules", "runs", "coverage", ".turbo", ".git"]);

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory()) return notOurs.has(entry.name) ? [] : filesUnder(`${path}${sep}`);
    return [relative(projectFolder, path).replaceAll(sep, "/")];
  });
}

/** Text of a file; null when it is binary. */
export function projectText(path: string): string | null {
  const bytes = readFileSync(projectFolder + path);
  return bytes.subarray(0, 8000).includes(0) ? null : bytes.toString("utf8");
}

/** "path:line: text" of every line of the files that `finds` accepts. */
export function offendingLines(paths: readonly string[], finds: (line: string, path: string) => boolean): string[] {
  return paths.flatMap((path) =>
    (projectText(path) ?? "")
      .split("\n")
      .flatMap((line, index) => (finds(line, path) ? [`${path}:${index + 1}: ${line.trim().slice(0, 160)}`] : [])),
  );
}
