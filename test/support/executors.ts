/** The executors that can be tested here: TensorFlow where `papo setup tensorflow` has been run (CI runs it). */
import { OnnxExecutor } from "../../core/graph/onnx/executor.ts";
import type { Device, Executor } from "../../core/graph/executor.ts";
import type { DeviceWeights } from "../../core/learner/device-optimizer.ts";
import type { Weights } from "../../core/model/model.ts";
import { loadTensorFlow, tensorflowSetup } from "../../core/graph/tensorflow/binding.ts";

export const executors: readonly Executor[] = [new OnnxExecutor({ threads: 2 }), ...(tensorflowSetup() === null ? [] : [loadTensorFlow({ threads: 2 })])];

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
