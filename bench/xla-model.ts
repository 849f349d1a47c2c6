/** A model with random weights made on OpenXLA's device, for a measurement in a process of its own. */
import type { XlaExecutor } from "../core/graph/xla/executor.ts";
import { createModel, familyOf } from "../core/model/registry.ts";
import { ModelRuntime } from "../core/model/runtime.ts";

export interface ModelShape {
  readonly layers: number;
  readonly width: number;
}

export function randomModel({ layers, width }: ModelShape, xla: XlaExecutor): ModelRuntime {
  const config = {
    model_type: "qwen2_5_vl",
    image_token_id: 479,
    video_token_id: 480,
    vision_start_token_id: 476,
    vision_end_token_id: 477,
    tie_word_embeddings: true,
    text_config: {
      hidden_size: width,
      intermediate_size: 2 * width,
      num_attention_heads: width / 64,
      num_key_value_heads: 2,
      num_hidden_layers: layers,
      vocab_size: 2000,
      rms_norm_eps: 1e-6,
      tie_word_embeddings: true,
      rope_parameters: { rope_theta: 1e6, rope_type: "default", mrope_section: [8, 12, 12] },
    },
    vision_config: {
      depth: 4,
      hidden_size: 64,
      num_heads: 4,
      intermediate_size: 172,
      out_hidden_size: width,
      window_size: 56,
      fullatt_block_indexes: [1, 3],
    },
  };
  const model = createModel(familyOf(config).parseConfig(config as never));
  const { device } = xla;
  const weights = new Map(
    [...model.parameters].map(([name, shape], seed) => {
      if (/norm.*weight|ln_q/.test(name)) return [name, device.filled!(shape, 1)];
      return [
        name,
        name.endsWith("bias") ? device.filled!(shape, 0) : device.random!(shape, { deviation: 0.02, seed }),
      ];
    }),
  );
  const trained = new Set([...model.parameters.keys()].filter((name) => !name.startsWith("model.visual")));
  return new ModelRuntime(model, weights, xla, { trained });
}

/** Text tokens below 401, others for each shift. */
export const ids = (count: number, shift: number): Int32Array =>
  Int32Array.from({ length: count }, (_, i) => 1 + ((i * 37 + shift * 101) % 400));
