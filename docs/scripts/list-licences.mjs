// Licences of all packages that the lock file names, and those of the packages that an installation without development
// tools has: `node docs/scripts/list-licences.mjs [--production]`.
import { readFileSync } from "node:fs";

const production = process.argv.includes("--production");
const { packages } = JSON.parse(readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8"));
const byLicence = new Map();
for (const [path, { version, license = "none stated", link, dev }] of Object.entries(packages)) {
  if (!path.includes("node_modules/") || link || (production && dev)) continue;
  const name = `${path.split("node_modules/").at(-1)} ${version}`;
  byLicence.set(license, (byLicence.get(license) ?? new Set()).add(name));
}
for (const [licence, names] of [...byLicence].sort(([a], [b]) => (a < b ? -1 : 1))) {
  console.log(
    `${licence} (${names.size})\n${[...names]
      .sort()
      .map((name) => `  ${name}`)
      .join("\n")}`,
  );
}
