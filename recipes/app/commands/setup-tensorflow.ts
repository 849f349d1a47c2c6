/** `papo setup tensorflow`: TensorFlow's libraries and the binding to them. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { bindingSources, tensorflowFolder, writeFileAtomic } from "@papo/core";
import { execute, requireTools } from "./install.ts";

/** The wheels' version; `papo doctor` shows the one in use. */
const version = "2.21.0";

/** @throws Error saying what is missing, or with the last lines of what failed */
export function setUpTensorFlow(say: (line: string) => void): void {
  requireTools("TensorFlow", [
    ["python3", "--version"],
    ["python3", "-m", "pip", "--version"],
    ["g++", "--version"],
  ]);
  const sources = bindingSources();
  const gpu = spawnSync("nvidia-smi", ["-L"]).status === 0;
  const python = join(tensorflowFolder, "python");
  rmSync(tensorflowFolder, { recursive: true, force: true });
  mkdirSync(python, { recursive: true });
  say(`Fetching TensorFlow ${version}${gpu ? " with the libraries for NVIDIA GPUs" : ""} …`);
  // Only the wheel's libraries and headers are used, so that it need not fit the Python that is there.
  const cpu = ["--no-deps", "--only-binary=:all:", "--python-version", "3.12", `tensorflow-cpu==${version}`];
  execute("python3", [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--target",
    python,
    ...(gpu ? [`tensorflow[and-cuda]==${version}`] : cpu),
  ]);
  say("Building the binding …");
  build(join(python, "tensorflow"), sources);
  writeFileAtomic(join(tensorflowFolder, "setup.json"), `${JSON.stringify({ version, gpu })}\n`);
  say(`TensorFlow ${version} is set up in ${tensorflowFolder}. Use it with settings: { executor: "tensorflow" }.`);
}

function build(tensorflow: string, { source, headers }: ReturnType<typeof bindingSources>): void {
  const libraries = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"];
  const missing = libraries.find((name) => !existsSync(join(tensorflow, name)));
  if (missing !== undefined) throw new Error(`the wheel of TensorFlow ${version} holds no ${missing}`);
  execute("g++", [
    "-std=c++17",
    "-O2",
    "-shared",
    "-fPIC",
    "-DNAPI_VERSION=8",
    "-DNODE_GYP_MODULE_NAME=tfjs_binding",
    "-DBUILDING_NODE_EXTENSION",
    "-I",
    dirname(source),
    "-I",
    source,
    "-I",
    headers,
    "-I",
    join(tensorflow, "include"),
    join(source, "tfjs_backend.cc"),
    join(source, "tfjs_binding.cc"),
    "-o",
    join(tensorflowFolder, "tfjs_binding.node"),
    "-L",
    tensorflow,
    ...libraries.map((name) => `-l:${name}`),
    "-Wl,-rpath,$ORIGIN/python/tensorflow",
  ]);
}
