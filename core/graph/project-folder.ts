import { join, sep } from "node:path";

/**
 * The folder of the project that the packages belong to, where `papo setup` puts libraries: the one above
 * `node_modules` where they are installed, else the clone.
 */
export function projectFolderOf(here: string): string {
  const installed = here.indexOf(`${sep}node_modules${sep}`);
  return installed < 0 ? join(here, "..", "..") : here.slice(0, installed);
}

export const projectFolder = projectFolderOf(import.meta.dirname);
