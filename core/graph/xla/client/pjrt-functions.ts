/**
 * The part of OpenXLA's plugin interface (pjrt_c_api.h, API 0.81) that is called: for each function its place in the
 * table that a plugin gives, and the fields of
 * its argument struct after `struct_size` and `extension_start`. Every field takes one 8-byte word, enums and flags
 * padded.
 */

export const pjrtFunctions = {
  Error_Destroy: { place: 0, fields: ["error"] },
  Error_Message: { place: 1, fields: ["error", "message", "messageSize"] },
  Plugin_Initialize: { place: 3, fields: [] },
  Event_Destroy: { place: 5, fields: ["event"] },
  Event_Await: { place: 8, fields: ["event"] },
  Client_Create: {
    place: 10,
    fields: [
      "options",
      "numOptions",
      "getCallback",
      "getArgument",
      "putCallback",
      "putArgument",
      "client",
      "tryGetCallback",
      "tryGetArgument",
    ],
  },
  Client_Destroy: { place: 11, fields: ["client"] },
  Client_PlatformName: { place: 12, fields: ["client", "name", "nameSize"] },
  Client_PlatformVersion: { place: 14, fields: ["client", "version", "versionSize"] },
  Client_AddressableDevices: { place: 16, fields: ["client", "devices", "numDevices"] },
  Client_Compile: { place: 20, fields: ["client", "program", "options", "optionsSize", "executable"] },
  Client_BufferFromHostBuffer: {
    place: 22,
    fields: [
      "client",
      "data",
      "type",
      "dims",
      "numDims",
      "strides",
      "numStrides",
      "semantics",
      "device",
      "memory",
      "layout",
      "doneWithHostBuffer",
      "buffer",
    ],
  },
  DeviceDescription_Kind: { place: 26, fields: ["description", "kind", "kindSize"] },
  Device_GetDescription: { place: 29, fields: ["device", "description"] },
  Device_MemoryStats: {
    place: 34,
    fields: [
      "device",
      "bytesInUse",
      "peakBytesInUse",
      "peakIsSet",
      "numAllocations",
      "numAllocationsIsSet",
      "largestAllocation",
      "largestIsSet",
      "bytesLimit",
      "bytesLimitIsSet",
      "reserved",
      "reservedIsSet",
      "peakReserved",
      "peakReservedIsSet",
      "reservable",
      "reservableIsSet",
      "largestFree",
      "largestFreeIsSet",
      "poolBytes",
      "poolBytesIsSet",
      "peakPoolBytes",
      "peakPoolBytesIsSet",
    ],
  },
  Executable_Destroy: { place: 40, fields: ["executable"] },
  Executable_Serialize: { place: 49, fields: ["executable", "bytes", "size", "serialized", "deleter"] },
  LoadedExecutable_Destroy: { place: 50, fields: ["executable"] },
  LoadedExecutable_GetExecutable: { place: 51, fields: ["loaded", "executable"] },
  LoadedExecutable_Execute: {
    place: 55,
    fields: [
      "executable",
      "options",
      "argumentLists",
      "numDevices",
      "numArguments",
      "outputLists",
      "completeEvents",
      "executeDevice",
    ],
  },
  Executable_DeserializeAndLoad: { place: 56, fields: ["client", "bytes", "size", "loaded", "options", "optionsSize"] },
  Buffer_Destroy: { place: 58, fields: ["buffer"] },
  Buffer_ToHostBuffer: { place: 70, fields: ["buffer", "layout", "destination", "size", "event"] },
  Buffer_UnsafePointer: { place: 73, fields: ["buffer", "pointer"] },
} as const;

export type PjrtFunction = keyof typeof pjrtFunctions;
export type PjrtField<Name extends PjrtFunction> = (typeof pjrtFunctions)[Name]["fields"][number];

/** Major version whose structs these are, and the oldest minor version that has all functions and fields above. */
export const pjrtApi = { major: 0, oldestMinor: 40 } as const;

/** Words before the first function: size, extensions, and the version's size, extensions, major and minor. */
export const wordsBeforeFunctions = 5;

/** PJRT_Buffer_Type. */
export const elementTypes = { i1: 1, i32: 4, i64: 5, f32: 11, f64: 12, bf16: 13 } as const;
export type ElementType = keyof typeof elementTypes;

/** PJRT_NamedValue_Type. */
export const namedValueTypes = { string: 0, int64: 1, float: 3, bool: 4 } as const;

/** What an array is made of. */
export interface ArrayType {
  readonly shape: readonly number[];
  readonly type: ElementType;
}
