/**
 * Before the first test: a temporary folder of this run's own, which its tests and all processes that they start
 * inherit; it is removed after the last one.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What os.tmpdir() goes by: TMPDIR, and TEMP on Windows. */
const names = ["TMPDIR", "TEMP", "TMP"];

export default function ownTemporaryFolder() {
  const before = names.map((name) => process.env[name]);
  const folder = mkdtempSync(join(tmpdir(), "papo-test-"));
  for (const name of names) process.env[name] = folder;
  return () => {
    names.forEach((name, index) => {
      if (before[index] === undefined) delete process.env[name];
      else process.env[name] = before[index];
    });
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
}
