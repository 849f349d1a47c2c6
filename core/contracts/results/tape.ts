/** What a tensor was computed from, by tfjs's tape. */
import { engine } from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";

interface TapeNode {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: readonly Tensor[];
}

/** Whether a tensor was computed from one of these since the tape began; false where there is no tape. */
export function dependsOn(tensor: Tensor, leaves: readonly Tensor[]): boolean {
  const tape = (engine() as unknown as { readonly state: { readonly activeTape: readonly TapeNode[] | null } }).state
    .activeTape;
  const reached = new Set(leaves.map(({ id }) => id));
  for (const { inputs, outputs } of tape ?? []) {
    if (Object.values(inputs).some(({ id }) => reached.has(id))) for (const { id } of outputs) reached.add(id);
  }
  return reached.has(tensor.id);
}
