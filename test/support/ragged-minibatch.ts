import type { MinibatchInput } from "@papo/core/testing";

/** Two groups of two responses, ragged, one hole, one text-only prompt; every array that a plugin here may ask for. */
export const raggedMinibatch: MinibatchInput = {
  logProbs: [
    [-0.4, -1.2, -0.3],
    [-2.1, -0.2, -0.9],
    [-0.7, -0.6, -1.5],
    [-1.1, -0.8, -0.1],
  ],
  oldLogProbs: [
    [-0.5, -1.0, -0.3],
    [-1.9, -0.4, -0.9],
    [-0.7, -0.9, -1.0],
    [-1.3, -0.7, -0.2],
  ],
  mask: [
    [1, 1, 1],
    [1, 0, 1],
    [1, 1, 0],
    [1, 0, 0],
  ],
  rewards: [1, 0, 0.5, 0.5],
  parts: { accuracy: [1, 0, 1, 0] },
  advantages: [1, -1, 0.5, -0.5],
  finish: ["stop", "length", "stop", "stop"],
  groupOf: [0, 0, 1, 1],
  pictures: [1, 1, 0, 0],
  scores: Object.fromEntries(
    [
      "original/reference/logProbs",
      "masked/old/logProbs",
      "masked/current/logProbs",
      "original/current/entropy",
      "blind/old/logProbs",
      "noisy/old/logProbs",
      "original/old/entropy",
      "noisy/old/entropy",
      "original/old/pictureSimilarity",
      "noisy/current/logProbs",
      "original/old/jsd(noisy old)",
      "noisy/reference/logProbs",
      "original/current/kl(original reference)",
      "original/current/jsd(tutored reference)",
      "original/old/pictureAlignment(-1)",
    ].map((key, index) => [
      key,
      [
        [-0.9, -1.3, -0.5],
        [-1.1, -0.9, -2.9],
        [-0.2, -0.6, -1.1],
        [-1.9, -0.3, -0.4],
      ].map((row) => row.map((value) => value * (1 + index / 4))),
    ]),
  ),
};
