/** Declarations of what the built packages export, by TypeScript. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { builtPackage, packages, root } from "./packages.mjs";

/**
 * Writes each package's folder "types". @param built the folder of built packages @throws Error with what the compiler
 * says
 */
export function writeDeclarations(built) {
  const folder = join(built, "declarations");
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  try {
    execFileSync(process.execPath, [compiler, "--project", join(root, "build", "tsconfig.json"), "--outDir", folder], {
      encoding: "utf8",
    });
  } catch (error) {
    throw new Error(`the declarations could not be written:\n${reasonOf(error)}`, { cause: error });
  }
  for (const name of packages) {
    const types = join(builtPackage(name, built), "types");
    mkdirSync(types, { recursive: true });
    cpSync(join(folder, name), types, { recursive: true });
    for (const path of readdirSync(types, { recursive: true })) if (path.endsWith(".d.ts")) asPacked(join(types, path));
  }
  rmSync(folder, { recursive: true });
}

/** What the compiler says is wrong with the sources, else why it did not run. @param error of execFileSync */
export const reasonOf = ({ stdout, stderr, message }) =>
  [stdout, stderr, message].find((text) => text?.trim()) ?? "for no reason that it gives";

/** Imports of built files, and of no package that the built ones do without. */
function asPacked(file) {
  const text = readFileSync(file, "utf8");
  const imports = text
    .replace(/((?:from |import |import\()")(\.{1,2}\/[^"]+)\.ts"/g, '$1$2.js"')
    .replace(
      'import "@tensorflow/tfjs";',
      'import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js";',
    );
  writeFileSync(file, imports);
}
