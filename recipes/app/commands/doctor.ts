/** `papo doctor`: what runs the model here, and what would run it faster. */
import { spawnSync } from "node:child_process";
import { availableParallelism, cpus, totalmem } from "node:os";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { gpuAdapters, tensorflowFolder, tensorflowSetup, webgpuProblem, xlaFolder, xlaSetup } from "@papo/core";
import { textCommand } from "../command-line/command.ts";
import { say } from "../display/say.ts";

export const doctor = textCommand({
  name: "doctor",
  also: ["env", "info"],
  forms: [""],
  summary: [
    "Print executors, versions, threads, precision and GPU of this machine, and what to do for the faster one.",
  ],
  options: {},
  positionals: [0, 0],
  async run() {
    say((await diagnosis()).join("\n"));
  },
});

interface Found {
  readonly gpu: boolean;
  /** Whether the processor multiplies in it. */
  readonly bfloat16: boolean;
  readonly setup: ReturnType<typeof tensorflowSetup>;
  readonly xla: ReturnType<typeof xlaSetup>;
}

/** Lines for a person. */
export async function diagnosis(): Promise<string[]> {
  const gpus = nvidiaGpus();
  const bfloat16 = cpuFlags().some((flag) => flag === "amx_bf16" || flag === "avx512_bf16");
  const setup = tensorflowSetup();
  const xla = xlaSetup();
  const onnxruntime = (createRequire(import.meta.url)("onnxruntime-node/package.json") as { version: string }).version;
  return [
    `machine      ${cpus()[0]?.model.trim() ?? "unknown processor"}, ${availableParallelism()} threads, ${(totalmem() / 2 ** 30).toFixed(0)} GiB; Node ${process.versions.node}`,
    `GPU          ${gpus.length > 0 ? gpus.join("; ") : "none that nvidia-smi shows"}`,
    `onnxruntime  ${onnxruntime}: ready; float32 on the processor; the default`,
    `webgpu       ${await webgpuLine()}`,
    `xla          ${xla === null ? "not set up" : `${xla.wheel} ${xla.version} (PJRT API ${xla.api}) on ${xla.devices.length} × ${xla.devices[0]}, in ${xlaFolder}: ready; float32, bfloat16`}`,
    `tensorflow   ${setup === null ? "not set up" : `${setup.version}, ${setup.gpu ? "with" : "without"} the libraries for NVIDIA GPUs, in ${tensorflowFolder}: ready; float32, bfloat16`}`,
    "",
    ...advice({ gpu: gpus.length > 0, bfloat16, setup, xla }),
  ];
}

async function webgpuLine(): Promise<string> {
  const problem = await webgpuProblem();
  if (problem !== null) return problem;
  const [adapter] = gpuAdapters();
  const ready = 'ready; float32; settings: { device: "webgpu", parityTolerance: 1e-4 }';
  if (adapter === undefined) return `the system's GPU: ${ready}`;
  const slow = adapter.kind === "processor" ? "; it is the processor itself, and slow" : "";
  return `${adapter.name}, arrays up to ${(adapter.largestArray / 2 ** 30).toFixed(1)} GiB${slow}: ${ready}`;
}

function advice({ gpu, bfloat16, setup, xla }: Found): string[] {
  if (gpu)
    return [
      `For the GPU: ${xla?.cuda === true ? "" : "npx papo setup xla --cuda, then "}settings: { executor: "xla" }.`,
    ];
  const products = 'settings: { executor: "tensorflow", precision: "bfloat16", parityTolerance: 0.2 }';
  if (bfloat16)
    return [
      `This processor multiplies in bfloat16: ${setup === null ? "npx papo setup tensorflow, then " : ""}${products} is faster for large models, at some hundredths of a nat in log-probs.`,
    ];
  return ["onnxruntime is the faster executor here: nothing to do."];
}

function nvidiaGpus(): string[] {
  const { status, stdout } = spawnSync("nvidia-smi", ["--query-gpu=name,memory.total", "--format=csv,noheader"], {
    encoding: "utf8",
  });
  return status === 0 ? stdout.trim().split("\n") : [];
}

function cpuFlags(): string[] {
  try {
    return /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.trim().split(" ") ?? [];
  } catch {
    return [];
  }
}
