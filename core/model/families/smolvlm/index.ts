/** SmolVLM and SmolVLM2 (arXiv:2504.05299), as transformers' SmolVLMForConditionalGeneration computes them. */
import { tileFamily } from "./family.ts";

export const smolVlm = tileFamily("smolvlm");
