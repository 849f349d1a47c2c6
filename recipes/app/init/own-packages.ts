/**
 * What a new project's package.json says of the packages of this project: where they come from, as far as that is
 * known.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve, sep } from "node:path";
import { readJsonFile } from "@papo/core";
import { z } from "zod";

const names = ["core", "plugins", "recipes"];

export interface OwnPackages {
  /** Name → version or `file:` with a path from the project. */
  readonly specs: Readonly<Record<string, string>>;
  /** What is to be done before they can be installed, a sentence each. */
  readonly first: readonly string[];
}

/** Of a package.json, or of npm's record of what it has installed. */
const installedSchema = z.looseObject({
  packages: z.record(z.string(), z.looseObject({ resolved: z.string().optional() })).optional(),
  dependencies: z.record(z.string(), z.string()).optional(),
  name: z.string().optional(),
});

/**
 * Packed files where the running packages were installed from such, or where they are a clone's, and else versions.
 * @param project the new project's folder
 * @param from a file of the running `@papo/core`
 */
export function ownPackages(
  project: string,
  version: string,
  from = createRequire(import.meta.url).resolve("@papo/core/package.json"),
): OwnPackages {
  const tarballs = packedFiles(dirname(dirname(from)), version);
  if (tarballs === null)
    return { specs: Object.fromEntries(names.map((name) => [`@papo/${name}`, `^${version}`])), first: [] };
  const missing = tarballs.filter((file) => !existsSync(file));
  return {
    specs: Object.fromEntries(
      names.map((name, index) => [`@papo/${name}`, `file:${relative(project, tarballs[index]!).replaceAll(sep, "/")}`]),
    ),
    first:
      missing.length === 0
        ? []
        : [
            `${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} not there: npm run release in a clone of papo packs the packages.`,
          ],
  };
}

/** In the nearest folder above that says so; null where none does. */
function packedFiles(folder: string, version: string): readonly string[] | null {
  const manifest = read(join(folder, "package.json"));
  if (manifest.name === "papo" && existsSync(join(folder, "build/release.mjs")))
    return names.map((name) => join(folder, "dist", `papo-${name}-${version}.tgz`));
  const locked = read(join(folder, "node_modules/.package-lock.json")).packages;
  const specs = names.map(
    (name) => locked?.[`node_modules/@papo/${name}`]?.resolved ?? manifest.dependencies?.[`@papo/${name}`],
  );
  if (specs.some((spec) => spec !== undefined)) {
    return specs.every((spec) => spec?.startsWith("file:"))
      ? specs.map((spec) => resolve(folder, spec!.slice("file:".length)))
      : null;
  }
  const above = dirname(folder);
  return above === folder ? null : packedFiles(above, version);
}

function read(file: string): z.output<typeof installedSchema> {
  return existsSync(file) ? readJsonFile(file, installedSchema, "correct it, or install again") : {};
}
