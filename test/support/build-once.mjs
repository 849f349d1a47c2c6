/**
 * Before the first test: the packages as JavaScript, in a second or two, so that the many processes which tests start
 * run the built files and need not compile the sources. Whoever edits a source while tests are watched gets the sources
 * again.
 */
import { buildPackages } from "../../build/build.mjs";
import { isFresh } from "../../build/packages.mjs";

export default async function buildOnce() {
  if (!isFresh()) await buildPackages();
}
