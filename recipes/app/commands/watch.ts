/** `papo watch`: a page that follows runs, whoever trains them. */
import { basename, resolve } from "node:path";
import { textCommand } from "../command-line/command.ts";
import { portOption } from "../command-line/page-options.ts";
import { askTraining, readPageFile } from "../page/server/page-file.ts";
import { addressWithToken, newToken, servePage } from "../page/server/serve.ts";
import { WatchedRuns } from "../page/server/watched-runs.ts";
import { say } from "../display/say.ts";

export const watch = textCommand({
  name: "watch",
  also: ["page", "serve", "dashboard", "tensorboard", "ui"],
  forms: ["<run or folder of runs> …"],
  summary: [
    "Serve a page on this machine alone that follows runs as they are trained, by whatever process, and shows finished ones: curves, rollouts, questions, alarms.",
    "Several runs are overlaid; runs that come into a folder of runs are followed too. A run that was started with `papo train --page` can be paused and stopped from here. Ends with Ctrl-C.",
  ],
  options: portOption,
  positionals: [1, Infinity],
  async run({ values, positionals }) {
    const runs = new WatchedRuns(positionals);
    const token = newToken();
    const { address, close } = await servePage({
      runs,
      token,
      title: positionals.length === 1 ? basename(resolve(positionals[0]!)) : `${positionals.length} runs`,
      port: values.port ?? null,
      control: async (run, action) => {
        const training = readPageFile(runs.folder(run) ?? "");
        return training === null
          ? "Nobody trains this run with a page: papo train run.ts --page"
          : askTraining(training, action);
      },
    });
    say(`watching: ${addressWithToken(address, token)}`);
    await new Promise<void>((resolve) => process.once("SIGINT", resolve));
    await close();
  },
});
