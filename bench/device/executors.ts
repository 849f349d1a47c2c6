/** Stands for test/support/executors.ts in the bundle: the golden tests run on the plugin that was named. */
import { XlaExecutor } from "../../core/graph/xla/executor.ts";
import type { Executor } from "../../core/graph/executor.ts";
import { openedPlugin } from "./plugin.ts";

export const executors: readonly Executor[] = [new XlaExecutor(openedPlugin())];
