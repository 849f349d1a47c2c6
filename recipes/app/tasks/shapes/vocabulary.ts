/** The task's words: everything that questions and responses can hold. */
import { colours, shapes } from "./scene.ts";

/** The special tokens of Qwen2.5-VL that a model with pictures needs, first in the vocabulary. */
export const specialTokens = [
  "<|endoftext|>",
  "<|im_start|>",
  "<|im_end|>",
  "<|vision_start|>",
  "<|vision_end|>",
  "<|vision_pad|>",
  "<|image_pad|>",
  "<|video_pad|>",
] as const;

/** Stands for any word that is not in the list. */
export const unknownWord = "<unk>";

/** The largest number there is a word for: two counts of the largest scene. */
const largestNumber = 20;

const cells = ["a", "b", "c", "d"].flatMap((row) => ["1", "2", "3", "4"].map((column) => row + column));
const numbers = Array.from({ length: largestNumber + 1 }, (_, number) => String(number));
const questionWords =
  "what how many is more or of and plus minus sum difference largest smallest colour digit digits at right left above below ?";
const responseWords = "<think> </think> \\boxed{ } ; , + - = same none";

/** Every token in order of its id; digits are among the numbers. */
export const vocabulary: readonly string[] = [
  ...specialTokens,
  unknownWord,
  ...responseWords.split(" "),
  ...numbers,
  ...colours,
  ...shapes,
  ...cells,
  ...questionWords.split(" "),
];

/** Id of a special token. */
export const specialId = (token: (typeof specialTokens)[number]): number => specialTokens.indexOf(token);
