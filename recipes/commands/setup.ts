/** `papo setup tensorflow`: TensorFlow's libraries and the binding to them, in a folder of the project's. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { tensorflowFolder, tensorflowSetup } from "@papo/core";
import type { Command } from "./command.ts";

/** The wheels' version; `papo doctor` shows the one in use. */
const version = "2.21.0";

export const setup: Command = {
  usage: "papo setup tensorflow [--again]",
  summary: [
    "Make the executor \"tensorflow\" ready: fetch TensorFlow from PyPI and build the binding of @tensorflow/tfjs-node-gpu against it, about a minute.",
    "With an NVIDIA GPU (nvidia-smi answers) the libraries for it are fetched too. Needs python3 with pip, and g++. Everything goes to the folder .tensorflow.",
  ].join("\n"),
  run(args) {
    const [what, ...rest] = args;
    if (what !== "tensorflow" || rest.some((arg) => arg !== "--again")) throw new Error(`usage: ${setup.usage}`);
    const known = tensorflowSetup();
    if (known !== null && !rest.includes("--again")) {
      console.log(`TensorFlow ${known.version} is set up in ${tensorflowFolder} (--again makes it anew).`);
      return Promise.resolve();
    }
    setUpTensorFlow((line) => console.log(line));
    return Promise.resolve();
  },
};

/** @throws Error saying what is missing, or with the last lines of what failed */
export function setUpTensorFlow(say: (line: string) => void): void {
  const lacking = [["python3", "--version"], ["python3", "-m", "pip", "--version"], ["g++", "--version"]].filter(([command, ...args]) => spawnSync(command!, args).status !== 0);
  if (lacking.length > 0) throw new Error(`setting up TensorFlow needs ${lacking.map((command) => command.slice(0, -1).join(" ")).join(" and ")}: install what is missing; the executor "onnxruntime" needs none of it`);
  const gpu = spawnSync("nvidia-smi", ["-L"]).status === 0;
  const python = join(tensorflowFolder, "python");
  rmSync(tensorflowFolder, { recursive: true, force: true });
  mkdirSync(python, { recursive: true });
  say(`Fetching TensorFlow ${version}${gpu ? " with the libraries for NVIDIA GPUs" : ""} …`);
  // Only the wheel's libraries and headers are used, so that it need not fit the Python that is there.
  const cpu = ["--no-deps", "--only-binary=:all:", "--python-version", "3.12", `tensorflow-cpu==${version}`];
  execute("python3", ["-m", "pip", "install", "--quiet", "--target", python, ...(gpu ? [`tensorflow[and-cuda]==${version}`] : cpu)]);
  say("Building the binding …");
  build(join(python, "tensorflow"));
  writeFileSync(join(tensorflowFolder, "setup.json"), `${JSON.stringify({ version, gpu })}\n`);
  say(`TensorFlow ${version} is set up in ${tensorflowFolder}. Use it with settings: { executor: "tensorflow" }.`);
}

function build(tensorflow: string): void {
  const require = createRequire(import.meta.url);
  const source = join(dirname(require.resolve("@tensorflow/tfjs-node-gpu/package.json")), "binding");
  const headers = join(dirname(require.resolve("node-api-headers/package.json")), "include");
  const libraries = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"];
  const missing = libraries.find((name) => !existsSync(join(tensorflow, name)));
  if (missing !== undefined) throw new Error(`the wheel of TensorFlow ${version} holds no ${missing}`);
  execute("g++", [
    "-std=c++17", "-O2", "-shared", "-fPIC", "-DNAPI_VERSION=8", "-DNODE_GYP_MODULE_NAME=tfjs_binding", "-DBUILDING_NODE_EXTENSION",
    "-I", dirname(source), "-I", source, "-I", headers, "-I", join(tensorflow, "include"),
    join(source, "tfjs_backend.cc"), join(source, "tfjs_binding.cc"), "-o", join(tensorflowFolder, "tfjs_binding.node"),
    "-L", tensorflow, ...libraries.map((name) => `-l:${name}`), "-Wl,-rpath,$ORIGIN/python/tensorflow",
  ]);
}

function execute(command: string, args: readonly string[]): void {
  const { status, stderr, stdout } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 2 ** 26 });
  if (status === 0) return;
  const said = `${stdout}\n${stderr}`.trim().split("\n").slice(-12).join("\n");
  throw new Error(`${command} failed:\n${said}`);
}
