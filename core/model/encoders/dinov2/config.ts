/** config.json of a DINOv2 folder (arXiv:2304.07193; with registers arXiv:2309.16588). */
import { readJson } from "../../files/json.ts";
import { join } from "node:path";

export interface Dinov2Config {
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly patchSize: number;
  /** Side of the pictures that the position embeddings were made for, in patches. */
  readonly positions: number;
  /** Width of the SwiGLU's half, or null for an ordinary MLP with GELU. */
  readonly swiglu: number | null;
  readonly mlpSize: number;
  readonly registers: number;
  readonly epsilon: number;
}

/** @throws Error naming the folder and the field that is missing or of another model */
export async function readDinov2Config(folder: string): Promise<Dinov2Config> {
  const config = await readJson(join(folder, "config.json"));
  if (config === null) throw new Error(`${folder} has no config.json: give the folder of a DINOv2 model`);
  const type = config["model_type"];
  if (type !== "dinov2" && type !== "dinov2_with_registers")
    throw new Error(`${folder}/config.json is of a "${String(type)}", a "dinov2" or "dinov2_with_registers" is needed`);
  const number = (name: string, otherwise?: number): number => {
    const value = config[name] ?? otherwise;
    if (typeof value === "number" && value > 0) return value;
    throw new Error(`${folder}/config.json: "${name}" is ${JSON.stringify(value)}, a number above 0 is needed`);
  };
  if ((config["hidden_act"] ?? "gelu") !== "gelu")
    throw new Error(
      `${folder}/config.json: hidden_act is ${JSON.stringify(config["hidden_act"])}, only "gelu" is known`,
    );
  const hiddenSize = number("hidden_size");
  const mlpSize = Math.trunc(hiddenSize * number("mlp_ratio", 4));
  const patchSize = number("patch_size", 14);
  return {
    hiddenSize,
    layers: number("num_hidden_layers"),
    heads: number("num_attention_heads"),
    patchSize,
    positions: Math.floor(number("image_size", 518) / patchSize),
    // Two thirds, rounded up to a multiple of 8: as wide as an ordinary MLP in parameters.
    swiglu: config["use_swiglu_ffn"] === true ? Math.trunc((Math.trunc((mlpSize * 2) / 3) + 7) / 8) * 8 : null,
    mlpSize,
    registers: type === "dinov2" ? 0 : number("num_register_tokens", 4),
    epsilon: number("layer_norm_eps", 1e-6),
  };
}
