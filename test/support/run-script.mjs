/**
 * `node run-script.mjs <script.ts> [arguments]`: a script of the tests in a process of its own, as fast as `papo`
 * starts: what it imports of the packages is the built one where that is fresh, and the sources otherwise.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { builtPackage, isFresh } from "../../build/packages.mjs";

process.argv.splice(1, 1);
const script = pathToFileURL(process.argv[1]);
if (isFresh()) {
  const folder = builtPackage("core");
  const { importModule } = await import(pathToFileURL(join(folder, "import-module.js")).href);
  await importModule(script, pathToFileURL(join(builtPackage("recipes"), "index.js")).href);
} else {
  (await import("tsx/esm/api")).register();
  await import(script.href);
}
