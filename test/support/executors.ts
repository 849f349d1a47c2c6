/** The executors that can be tested here: TensorFlow and OpenXLA where `papo setup` has been run for them. */
import { OnnxExecutor } from "../../core/graph/onnx/executor.ts";
import type { Device, Executor } from "../../core/graph/executor.ts";
import type { DeviceWeights } from "../../core/learner/device-optimizer.ts";
import type { Weights } from "../../core/model/model.ts";
import { loadTensorFlow, tensorflowSetup } from "../../core/graph/tensorflow/binding.ts";
import { loadXla, xlaSetup } from "../../core/graph/xla/plugin.ts";

export const executors: readonly Executor[] = [
  new OnnxExecutor({ threads: 2 }),
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
