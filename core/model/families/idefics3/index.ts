/**
 * Idefics3 (arXiv:2408.12637), as transformers' Idefics3ForConditionalGeneration computes it: SmolVLM's architecture
 * under another name.
 */
import { tileFamily } from "../smolvlm/family.ts";

export const idefics3 = tileFamily("idefics3");
