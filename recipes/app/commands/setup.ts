/** `papo setup`: the libraries that an executor needs, in a folder of the project's. */
import { tensorflowFolder, tensorflowSetup, xlaFolder, xlaSetup } from "@papo/core";
import { textCommand, UsageError } from "../command-line/command.ts";
import { notAmong } from "../command-line/options.ts";
import { setUpTensorFlow } from "./setup-tensorflow.ts";
import { setUpXla } from "./setup-xla.ts";
import { say } from "../display/say.ts";

const kinds = ["tensorflow", "xla"] as const;

export const setup = textCommand({
  name: "setup",
  forms: ["<tensorflow | xla>"],
  summary: [
    'Make the executor "tensorflow" ready: fetch TensorFlow from PyPI and build the binding of @tensorflow/tfjs-node-gpu against it, about a minute.',
    "With an NVIDIA GPU (nvidia-smi answers) the libraries for it are fetched too. Needs python3 with pip, and g++. Everything goes to the folder .tensorflow.",
    "Or the executor \"xla\": fetch OpenXLA's plugin for the processor, with --cuda the one for NVIDIA GPUs and CUDA's libraries, and run a program on it.",
    "Needs python3 with pip. Everything goes to the folder .xla.",
  ],
  options: {
    again: { kind: "flag", text: "Make anew what is there already." },
    cuda: { kind: "flag", text: "For xla: the plugin for NVIDIA GPUs." },
  },
  positionals: [1, 1],
  run({ values: { again, cuda }, positionals: [what] }) {
    if (!(kinds as readonly string[]).includes(what!)) throw new UsageError([notAmong("", what!, kinds).trimStart()]);
    if (what === "tensorflow" && cuda)
      throw new UsageError(["--cuda is for xla; tensorflow takes what nvidia-smi shows"]);
    if (what === "tensorflow") {
      const known = tensorflowSetup();
      if (known === null || again) setUpTensorFlow(say);
      else say(`TensorFlow ${known.version} is set up in ${tensorflowFolder} (--again makes it anew).`);
    } else {
      const known = xlaSetup();
      if (known === null || again || known.cuda !== cuda) setUpXla(say, { cuda });
      else say(`OpenXLA's plugin ${known.wheel} ${known.version} is set up in ${xlaFolder} (--again makes it anew).`);
    }
  },
});
