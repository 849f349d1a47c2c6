const [mean, std] = [
  [0.48145466, 0.4578275, 0.40821073],
  [0.26862954, 0.26130258, 0.27577711],
];

/** Patches of a visual token, and black and white after normalisation, as Qwen2.5-VL has them: once the defaults. */
export const formerMaskUnits = {
  mergeUnit: 4,
  black: mean.map((value, channel) => -value / std[channel]!),
  white: mean.map((value, channel) => (1 - value) / std[channel]!),
};
