/** The project's files as the house tests see them. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Absolute path of the project's folder, with a slash at its end. */
export const projectFolder = fileURLToPath(new URL("../../", import.meta.url));

/** Paths that git tracks or would track, relative to the project, that still exist. */
export function projectFiles(): string[] {
  const output = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], { cwd: projectFolder, encoding: "utf8" });
  return output.split("\0").filter((path) => path !== "" && existsSync(projectFolder + path));
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
