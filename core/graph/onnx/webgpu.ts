/** GPUs that onnxruntime's WebGPU can use: who they are, and whether one answers. */
import { InferenceSession } from "onnxruntime-node";
import { createRequire } from "node:module";
import { platform } from "node:os";
import { Graph } from "../graph.ts";
import { affine } from "../ops/index.ts";
import { emitOnnx } from "./emitter.ts";
import type { LargestArray } from "./peak.ts";

export interface GpuAdapter {
  readonly name: string;
  readonly kind: "integrated" | "discrete" | "virtual" | "processor" | "other";
  /** Bytes of the largest array that one kernel can read. */
  readonly largestArray: number;
}

/** VkPhysicalDeviceType. */
const kinds = ["other", "integrated", "discrete", "virtual", "processor"] as const;
const VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO = 1;
/** Places in VkPhysicalDeviceProperties: deviceType, deviceName, limits.maxStorageBufferRange. */
const place = { kind: 16, name: 20, nameBytes: 256, largestArray: 296 + 7 * 4, end: 2048 } as const;

type NativeFunction = (...args: readonly (Buffer | bigint | null)[]) => number;

/**
 * The adapters that Vulkan shows, which WebGPU goes through on Linux and most of Windows, discrete ones first. Empty
 * where there is no Vulkan: macOS has Metal, which is asked by `webgpuProblem` alone.
 */
export function gpuAdapters(): GpuAdapter[] {
  try {
    return queryVulkan().sort((a, b) => rank(a) - rank(b));
  } catch {
    // No Vulkan loader, no driver, or no prebuilt bridge to it on this platform.
    return [];
  }
}

const rank = ({ kind }: GpuAdapter): number =>
  ["discrete", "integrated", "virtual", "other", "processor"].indexOf(kind);

function queryVulkan(): GpuAdapter[] {
  const koffi = createRequire(import.meta.url)("koffi") as {
    load(path: string): { func(declaration: string): NativeFunction };
  };
  const vulkan = koffi.load(platform() === "win32" ? "vulkan-1.dll" : "libvulkan.so.1");
  const create = vulkan.func("int vkCreateInstance(const void *info, const void *allocator, void *instance)");
  const enumerate = vulkan.func("int vkEnumeratePhysicalDevices(uint64_t instance, void *count, void *devices)");
  const properties = vulkan.func("void vkGetPhysicalDeviceProperties(uint64_t device, void *properties)");
  const destroy = vulkan.func("void vkDestroyInstance(uint64_t instance, const void *allocator)");

  const [info, handle, count] = [Buffer.alloc(64), Buffer.alloc(8), Buffer.alloc(4)];
  info.writeUInt32LE(VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, 0);
  if (create(info, null, handle) !== 0) return [];
  const instance = handle.readBigUInt64LE();
  try {
    if (enumerate(instance, count, null) !== 0) return [];
    const devices = Buffer.alloc(8 * count.readUInt32LE());
    enumerate(instance, count, devices);
    return Array.from({ length: count.readUInt32LE() }, (_, i) => {
      const found = Buffer.alloc(place.end);
      properties(devices.readBigUInt64LE(8 * i), found);
      return describe(found);
    });
  } finally {
    destroy(instance, null);
  }
}

function describe(properties: Buffer): GpuAdapter {
  const name = properties.subarray(place.name, place.name + place.nameBytes);
  return {
    name: name.subarray(0, name.indexOf(0)).toString("utf8"),
    kind: kinds[properties.readUInt32LE(place.kind)] ?? "other",
    largestArray: properties.readUInt32LE(place.largestArray),
  };
}

/** Why WebGPU cannot be used here, for a person; null where it can: a small program is compiled for it. */
export async function webgpuProblem(): Promise<string | null> {
  // Without a loader onnxruntime writes a warning of its own to the terminal before it fails.
  if (platform() === "linux" && gpuAdapters().length === 0)
    return "no Vulkan driver shows a GPU (on Debian and Ubuntu: libvulkan1 and the GPU's driver)";
  const graph = new Graph();
  graph.output("y", affine(graph.input("x", [1]), 2));
  try {
    const session = await InferenceSession.create(emitOnnx(graph), {
      executionProviders: ["webgpu"],
      logSeverityLevel: 4,
    });
    await session.release();
    return null;
  } catch (error) {
    return `onnxruntime finds no adapter (${(error as Error).message.replace(/^.*was false\. /s, "")})`;
  }
}

/**
 * That parameters of these shapes can be read on the GPU that WebGPU finds.
 * @throws Error saying why there is none, or which parameter is larger than its largest array
 */
export async function requireWebGpu(parameters: ReadonlyMap<string, readonly number[]>): Promise<void> {
  const problem = await webgpuProblem();
  if (problem !== null) throw new Error(`device "webgpu": ${problem}; use device "cpu", or see papo doctor`);
  const adapters = gpuAdapters();
  for (const [name, shape] of parameters) {
    const bytes = shape.reduce((product, size) => product * size, 4);
    requireArray({ what: `${name} [${shape.join(", ")}]`, bytes }, "a smaller model", adapters);
  }
}

/**
 * That a program's array is not larger than the GPU's largest.
 * @param instead of device "cpu", what would help
 * @returns whether the adapter's limit is known
 * @throws Error naming the array, the adapter and both sizes
 */
export function requireArray({ what, bytes }: LargestArray, instead: string, [adapter] = gpuAdapters()): boolean {
  if (adapter === undefined) return false;
  if (bytes <= adapter.largestArray) return true;
  throw new Error(
    `device "webgpu": ${what} is ${mebibytes(bytes)} in float32, and ${adapter.name} reads at most ` +
      `${mebibytes(adapter.largestArray)} in one array: use device "cpu" or ${instead}`,
  );
}

export const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20).toLocaleString("en")} MiB`;
