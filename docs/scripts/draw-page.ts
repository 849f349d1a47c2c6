/**
 * The picture of the live page: `npm start`, then `node --import tsx docs/scripts/draw-page.ts runs/demo
 * docs/live-page.png`. Needs Chromium. What stands between curves and rollouts is left out, so that both are seen.
 */
import { createRequire } from "node:module";
import type sharpModule from "sharp";
import { servePage } from "../../recipes/app/page/server/serve.ts";
import { WatchedRuns } from "../../recipes/app/page/server/watched-runs.ts";
import { openPage } from "../../test/support/browser.ts";

const [folder = "runs/demo", file = "docs/live-page.png"] = process.argv.slice(2);
const sharp = createRequire(new URL("../../recipes/package.json", import.meta.url))("sharp") as typeof sharpModule;
const server = await servePage({
  runs: new WatchedRuns([folder]),
  title: "The embedded task",
  port: 0,
  token: "none",
  control: async () => "nothing is changed",
});
const page = await openPage(server.address, { width: 1400, height: 1240 });
await page.until(
  "rollouts are drawn",
  `document.querySelectorAll("#rollout-list img").length > 0 && [...document.querySelectorAll("#rollout-list img")].every((image) => image.complete)`,
);
await page.evaluate(`(() => {
  for (const id of ["result", "ledger"]) document.getElementById(id).hidden = true;
  for (const chart of [...document.querySelectorAll(".chart")].slice(3)) chart.hidden = true;
})()`);
await sharp(await page.screenshot())
  .png({ palette: true, colours: 128, compressionLevel: 9 })
  .toFile(file);
await page.close();
await server.close();
