/**
 * `npm run soak [-- <part> …]`: what takes too long for the tests, or needs the network. Without a name all parts run, one after the
 * other; a table at the end says what was tried and whether it held. Exits 1 where something did not.
 */
import { docs } from "./docs.mjs";
import { packages } from "./packages.mjs";
import { script } from "./script.mjs";

/** A part returns lines of the table: what was tried, what came out, whether that is right. */
export const parts = {
  /** From tarballs in an empty folder to a trained model, in five commands. */
  packages,
  /** Every command of the pages. */
  docs,
  /** Coverage of the intervals and size of the test of a paired comparison, 2,000 evaluations in each world. */
  intervals: script("node", ["--import", "tsx", "docs/measure-intervals.ts", "2000"]),
  /** The pages as a site: links that lead nowhere are errors of the generator. */
  site: script("node", ["docs/site/build.mjs"]),
  /** Every finding still holds. Needs Python. */
  findings: script("bash", ["-c", "for f in findings/*.sh; do echo \"$f\"; bash \"$f\" || exit 1; done"]),
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !Object.hasOwn(parts, name));
if (unknown.length > 0) {
  console.error(`There is no part ${unknown.join(", ")}; there are ${Object.keys(parts).join(", ")}.`);
  process.exit(2);
}

const rows = [];
for (const name of asked.length > 0 ? asked : Object.keys(parts)) {
  console.log(`\n== ${name}`);
  const started = Date.now();
  try {
    for (const row of await parts[name]()) rows.push({ part: name, ...row });
  } catch (error) {
    rows.push({ part: name, tried: "all of it", found: error.message.split("\n")[0], held: false });
  }
  console.log(`   ${name}: ${Math.round((Date.now() - started) / 1000)} s`);
}

console.log("");
console.table(Object.fromEntries(rows.map(({ part, tried, found, held }, index) => [index + 1, { part, tried, found, held: held ? "yes" : "NO" }])));
process.exitCode = rows.every(({ held }) => held) ? 0 : 1;
