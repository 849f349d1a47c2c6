/**
 * Names of outputs that say of which layers and heads they are: "pictureAttention(3,5)", "pictureAlignment(-1;0,7)",
 * "pictureAttention(all)".
 */
import {
  type AttentionKind,
  attentionKinds,
  type AttentionParts,
  type AttentionStatistic,
} from "../model/attention-statistics.ts";

export type AttentionOutput = `${AttentionKind}(${string})`;

export const attentionOutput = ({ kind, layers, heads }: AttentionStatistic): AttentionOutput =>
  `${kind}(${textOf(layers)}${heads === "all" ? "" : `;${textOf(heads)}`})`;

const textOf = (parts: AttentionParts): string =>
  parts === "all" ? "all" : [...new Set(parts)].sort((a, b) => a - b).join(",");

/** What a name says; null for other outputs. */
export function attentionOf(output: string): AttentionStatistic | null {
  const kind = attentionKinds.find((one) => output.startsWith(`${one}(`));
  if (kind === undefined) return null;
  const [layers = "all", heads = "all"] = output.slice(kind.length + 1, -1).split(";");
  return { kind, layers: partsIn(layers), heads: partsIn(heads) };
}

const partsIn = (text: string): AttentionParts => (text === "all" ? "all" : text.split(",").map(Number));
