/** One run of a run file, in a process of its own: the words of a command of papo. */
import { exitAtOnce } from "@papo/core";
import { endWithParent } from "./side-by-side.ts";
import { main } from "../cli.ts";

if (/train-one\.[jt]s$/.test(process.argv[1] ?? "")) {
  endWithParent(() => exitAtOnce(1, "SIGTERM"));
  process.exitCode = await main(process.argv.slice(2));
  process.stdout.write("", () => process.exit());
}
