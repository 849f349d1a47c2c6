/**
 * The executors that can be tested here: WebGPU where there is a GPU, TensorFlow and OpenXLA where `papo setup` has
 * been run for them.
 */
import { OnnxExecutor } from "../../core/graph/onnx/executor.ts";
import { gpuAdapters, webgpuProblem } from "../../core/graph/onnx/webgpu.ts";
import type { Device, Executor } from "../../core/graph/executor.ts";
import type { DeviceWeights } from "../../core/learner/optimizer/device-optimizer.ts";
import type { Weights } from "../../core/model/model.ts";
import { loadTensorFlow, tensorflowSetup } from "../../core/graph/tensorflow/binding.ts";
import { loadXla, xlaSetup } from "../../core/graph/xla/client/plugin.ts";

/**
 * Why WebGPU is not tested here, or null. A GPU that is the processor itself (SwiftShader) takes a quarter of an hour
 * for the golden models: it is tested where somebody has named its driver to the Vulkan loader.
 */
export const webgpuSkipped: string | null =
  gpuAdapters()[0]?.kind === "processor" && process.env.VK_DRIVER_FILES === undefined
    ? "the only adapter is the processor: name its driver in VK_DRIVER_FILES to test on it"
    : await webgpuProblem();

export const executors: readonly Executor[] = [
  new OnnxExecutor({ threads: 2 }),
  ...(webgpuSkipped === null ? [new OnnxExecutor({ threads: 2, device: "webgpu" })] : []),
  ...(tensorflowSetup() === null ? [] : [loadTensorFlow({ threads: 2 })]),
  ...(xlaSetup() === null ? [] : [loadXla()]),
];

/** Weights of no model, on a device. */
export function deviceWeights(device: Device, weights: Weights): DeviceWeights {
  const arrays = new Map([...weights].map(([name, array]) => [name, device.put(array)]));
  return {
    onDevice: (name) => arrays.get(name)!,
    replaceOnDevice(name, array) {
      device.free(arrays.get(name)!);
      arrays.set(name, array);
    },
  };
}
