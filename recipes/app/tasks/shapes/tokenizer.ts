/** The task's tokenizer and templates as the files of a Hugging Face folder. */
import { specialId, specialTokens, unknownWord, vocabulary } from "./vocabulary.ts";

/**
 * A turn of the user (or the system) is `<|im_start|> … <|im_end|>`, and the answer follows at once: every token of a
 * prompt costs time, and one role needs no name. Turns of the assistant are `… <|im_end|>`.
 */
const chatTemplate = [
  "{% for message in messages %}",
  "{% if message['role'] != 'assistant' %}<|im_start|> {% endif %}",
  "{% if message['content'] is string %}{{ message['content'] }}{% else %}",
  "{% for part in message['content'] %}",
  "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|> {% elif part['type'] == 'text' %}{{ part['text'] }} {% endif %}",
  "{% endfor %}{% endif %} <|im_end|>",
  "{% endfor %}",
].join("");

const addedToken = (content: string, id: number) => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

/** One token per word, words separated by white space; decoding joins them by single spaces. */
const tokenizer = {
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: specialTokens.map(addedToken),
  normalizer: null,
  pre_tokenizer: { type: "WhitespaceSplit" },
  post_processor: null,
  decoder: null,
  model: {
    type: "WordLevel",
    vocab: Object.fromEntries(vocabulary.map((word, id) => [word, id])),
    unk_token: unknownWord,
  },
};

const tokenizerConfig = {
  tokenizer_class: "PreTrainedTokenizerFast",
  processor_class: "Qwen2_5_VLProcessor",
  additional_special_tokens: specialTokens,
  eos_token: "<|im_end|>",
  pad_token: "<|endoftext|>",
  unk_token: unknownWord,
  clean_up_tokenization_spaces: false,
  model_max_length: 4096,
  padding_side: "left",
};

const smallestPixels = 28 * 28;
const largestPixels = 224 * 224;

const preprocessorConfig = {
  image_processor_type: "Qwen2VLImageProcessor",
  processor_class: "Qwen2_5_VLProcessor",
  do_convert_rgb: true,
  do_resize: true,
  do_rescale: true,
  do_normalize: true,
  resample: 3,
  rescale_factor: 1 / 255,
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
  min_pixels: smallestPixels,
  max_pixels: largestPixels,
  size: { shortest_edge: smallestPixels, longest_edge: largestPixels },
  patch_size: 14,
  temporal_patch_size: 2,
  merge_size: 2,
};

const generationConfig = {
  bos_token_id: specialId("<|endoftext|>"),
  pad_token_id: specialId("<|endoftext|>"),
  eos_token_id: [specialId("<|im_end|>"), specialId("<|endoftext|>")],
  do_sample: false,
};

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Contents of the folder's text files by name, the model's own config.json left out. */
export const textFiles = (): Readonly<Record<string, string>> => ({
  "tokenizer.json": json(tokenizer),
  "tokenizer_config.json": json(tokenizerConfig),
  "chat_template.jinja": `${chatTemplate}\n`,
  "preprocessor_config.json": json(preprocessorConfig),
  "generation_config.json": json(generationConfig),
});
