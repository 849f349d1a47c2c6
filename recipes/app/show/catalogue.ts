/** What the package's plugins say of themselves; `npm run docs` writes it from their doc comments. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

export interface CatalogueEntry {
  readonly file: string;
  readonly lines: number;
  /**
   * The method that the plugin puts into a recipe; null for what belongs to a baseline or changes nothing by itself.
   */
  readonly method: string | null;
  /** The formula and what it does. */
  readonly what: string;
  readonly metrics: string;
  readonly options: readonly { readonly name: string; readonly symbol: string | null; readonly text: string }[];
}

/** What the package says of a plugin by what it goes by: its class's name, with a label or without. */
export const aboutPlugin = (identity: string): CatalogueEntry | undefined => catalogue.get(identity.split(":")[0]!);

export const catalogue: ReadonlyMap<string, CatalogueEntry> = new Map(
  Object.entries(
    JSON.parse(readFileSync(createRequire(import.meta.url).resolve("@papo/plugins/catalogue.json"), "utf8")) as Record<
      string,
      CatalogueEntry
    >,
  ),
);
