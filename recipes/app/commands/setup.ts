/** `papo setup`: the libraries that an executor needs, in a folder of the project's. */
import { tensorflowFolder, tensorflowSetup, xlaFolder, xlaSetup } from "@papo/core";
import type { Command } from "./command.ts";
import { setUpTensorFlow } from "./setup-tensorflow.ts";
import { setUpXla } from "./setup-xla.ts";

export const setup: Command = {
  usage: "papo setup tensorflow|xla [--cuda] [--again]",
  summary: [
    "Make the executor \"tensorflow\" ready: fetch TensorFlow from PyPI and build the binding of @tensorflow/tfjs-node-gpu against it, about a minute.",
    "With an NVIDIA GPU (nvidia-smi answers) the libraries for it are fetched too. Needs python3 with pip, and g++. Everything goes to the folder .tensorflow.",
    "Or the executor \"xla\": fetch OpenXLA's plugin for the processor, with --cuda the one for NVIDIA GPUs and CUDA's libraries, and run a program on it.",
    "Needs python3 with pip. Everything goes to the folder .xla.",
  ].join("\n"),
  options: { again: { type: "boolean", default: false }, cuda: { type: "boolean", default: false } },
  run(args) {
    const [what, ...rest] = args;
    const options = what === "xla" ? ["--again", "--cuda"] : ["--again"];
    if ((what !== "tensorflow" && what !== "xla") || rest.some((arg) => !options.includes(arg))) throw new Error(`usage: ${setup.usage}`);
    const say = (line: string): void => console.log(line);
    const again = rest.includes("--again");
    if (what === "tensorflow") {
      const known = tensorflowSetup();
      if (known === null || again) setUpTensorFlow(say);
      else say(`TensorFlow ${known.version} is set up in ${tensorflowFolder} (--again makes it anew).`);
    } else {
      const cuda = rest.includes("--cuda");
      const known = xlaSetup();
      if (known === null || again || known.cuda !== cuda) setUpXla(say, { cuda });
      else say(`OpenXLA's plugin ${known.wheel} ${known.version} is set up in ${xlaFolder} (--again makes it anew).`);
    }
    return Promise.resolve();
  },
};
