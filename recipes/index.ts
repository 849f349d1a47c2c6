/** Public names of @papo/recipes, one by one. */
import "./run-file/peers/advice.ts";

export { dapo } from "./dapo.ts";
export type { DapoOptions } from "./dapo.ts";
export { grpo } from "./grpo.ts";
export type { GrpoOptions } from "./grpo.ts";
export { papo } from "./papo.ts";
export type { PapoOptions } from "./papo.ts";
/** The folder of the shipped model of one million parameters, which answers questions about coloured shapes. */
export { startModelFolder as startModel } from "./app/tasks/shapes/start-model-folder.ts";
export { preset, presetNames } from "./presets/index.ts";
export type { Preset, PresetName, PresetOptions } from "./presets/index.ts";
export { defineRun } from "./run-file/run-file.ts";
export { promptTemplates, type Data, type DataSource } from "./run-file/data-source.ts";
export type { RunFile } from "./run-file/run-file.ts";
