/** What passes over the model are traced and walked with, whatever they compute. */
import type { Feeds, HostArray } from "../graph/executor.ts";
import { symbolsOf } from "../graph/onnx/executor.ts";
import { gradientOf } from "../learner/passes/learner-graphs.ts";
import { passBytes } from "../learner/passes/pass-memory.ts";
import type { EncodedPrompt } from "../model/model.ts";
import type { BlockExecutor } from "../model/rows/attention-blocks.ts";
import type { TraceModel } from "../model/trace.ts";
import type { PlanSubject } from "./subject.ts";

/** What the executor will say of itself. */
export const blocksOf = ({ settings: { executor, device } }: PlanSubject): BlockExecutor => ({
  attendsInBlocks: executor === "xla" || (executor === "onnxruntime" && device === "cpu"),
  fixedSizes: executor === "xla",
});

/** Where visual tokens would read their features, of which there are only sizes. */
export function placeholders({ vision }: PlanSubject["model"], prompts: readonly EncodedPrompt[]) {
  let rows = 0;
  const placed = prompts.map((prompt) => {
    const count = prompt.pictures.reduce((sum, picture) => sum + vision.tokens(picture), 0);
    const featureRows = Int32Array.from({ length: count }, (_, i) => rows + i);
    rows += count;
    return { prompt, featureRows };
  });
  // An array of this size is fed even without pictures.
  const matrix: HostArray = { shape: [Math.max(1, rows), vision.featureWidth], data: new Float32Array() };
  return { placed, matrix };
}

/** What a pass has beside its graph. */
interface Pass {
  /** Gradients are added to arrays that are there. */
  readonly adds: boolean;
  readonly dropout?: boolean;
  readonly sumsGrow?: boolean;
}

export function peakOf(
  subject: PlanSubject,
  trace: TraceModel,
  feeds: Feeds,
  { adds, dropout = false, sumsGrow = false }: Pass,
): number {
  const { graph } = subject.trace(trace, { dropout });
  subject.planned(graph, symbolsOf(graph, feeds));
  const sums = new Set(
    adds ? [...graph.outputs.keys()].filter((name) => subject.parameters.has(gradientOf(name) ?? "")) : [],
  );
  return passBytes(graph, feeds, { files: subject.inFiles, ...(adds ? { sums, sumsGrow } : {}) });
}
