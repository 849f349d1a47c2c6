/** Options of commands that serve a page. */
import { usualPort } from "../page/server/serve.ts";
import type { Options } from "./options.ts";

export const portOption = {
  port: {
    kind: "count",
    least: 0,
    value: "<number>",
    text: `The page's port, 0 for any; without it the first free one from ${usualPort} on.`,
  },
} as const satisfies Options;
