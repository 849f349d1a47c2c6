/** The executors that can be tested here: TensorFlow where `papo setup tensorflow` has been run (CI runs it). */
import { OnnxExecutor } from "../../core/graph/onnx-executor.ts";
import type { Executor } from "../../core/graph/executor.ts";
import { loadTensorFlow, tensorflowSetup } from "../../core/graph/tensorflow/binding.ts";

export const executors: readonly Executor[] = [new OnnxExecutor({ threads: 2 }), ...(tensorflowSetup() === null ? [] : [loadTensorFlow({ threads: 2 })])];
