import { fileURLToPath } from "node:url";

/** Where the shipped model lies. */
export const startModelFolder = fileURLToPath(new URL("./start-model", import.meta.url));
