/** What an installation lacks. Plain JavaScript that imports nothing: it speaks when other modules cannot be read. */

/**
 * A sentence saying how to mend the installation, or null where the error is of another kind. @param error of importing
 * the command line
 */
export function installationProblem(error) {
  // sharp's own words where its program for the machine, an optional package, was left out; nothing else is needed to
  // start.
  if (!/^Could not load the "sharp" module/.test(String(error?.message))) return null;
  return `sharp's program for ${process.platform}-${process.arch} is not installed; it is an optional package. Install with those: npm install --ignore-scripts --include=optional`;
}
