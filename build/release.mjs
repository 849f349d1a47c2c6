/**
 * `npm run release [-- --publish]`: the packages as they would be published, built with declarations and packed into
 * dist/; what each holds is listed. Only --publish sends them to the registry, after everything else went well.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { buildPackages } from "./build.mjs";
import { readManifest } from "./manifest.mjs";
import { builtPackage, packages, root } from "./packages.mjs";

const tarballs = join(root, "dist");
const npm = (...args) =>
  execFileSync("npm", args, {
    cwd: root,
    encoding: "utf8",
    shell: process.platform === "win32",
    stdio: ["ignore", "pipe", "inherit"],
  });

/** @throws Error naming the packages whose versions differ: they are released together */
function checkVersions() {
  const versions = packages.map((name) => readManifest(name).version);
  if (new Set(versions).size > 1)
    throw new Error(
      `the packages have one version, found ${packages.map((name, index) => `${name} ${versions[index]}`).join(", ")}`,
    );
  return versions[0];
}

/** @throws Error where the work tree holds what is not committed: what is published must be found again */
function checkCommitted() {
  const changed = execFileSync("git", ["status", "--porcelain"], { cwd: root, encoding: "utf8" }).trim();
  if (changed !== "") throw new Error(`commit first, what is published must be found again:\n${changed}`);
}

const unknown = process.argv.slice(2).find((option) => option !== "--publish");
if (unknown !== undefined) throw new Error(`npm run release takes --publish, not "${unknown}"`);
const publish = process.argv.includes("--publish");
const version = checkVersions();
if (publish) checkCommitted();
await buildPackages({ types: true });
rmSync(tarballs, { recursive: true, force: true });
mkdirSync(tarballs);
for (const name of packages) {
  const [packed] = JSON.parse(npm("pack", builtPackage(name), "--pack-destination", tarballs, "--json"));
  console.log(
    `\n@papo/${name} ${version}: ${packed.files.length} files, ${(packed.unpackedSize / 1e6).toFixed(1)} MB, ${(packed.size / 1e6).toFixed(1)} MB packed`,
  );
  const shown = packed.files.map(({ path }) => path).filter((path) => !/^types\/|\.js\.map$|^chunk-/.test(path));
  console.log(shown.map((path) => `  ${path}`).join("\n"));
  console.log(`  and ${packed.files.length - shown.length} more: shared parts (chunk-*), source maps, declarations`);
  if (publish) npm("publish", join(tarballs, packed.filename.replace("@", "").replace("/", "-")), "--access", "public");
}
console.log(`\n${publish ? "Published" : "Packed, not published"}: ${relative(root, tarballs)}/*.tgz`);
