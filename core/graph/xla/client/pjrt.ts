/** OpenXLA in this process: a PJRT plugin, which is a shared library with one C function, driven through koffi. */
import { createRequire } from "node:module";
import type koffiType from "koffi";
import { keepLibrary } from "../../../machine/libc.ts";
import {
  type ElementType,
  elementTypes,
  namedValueTypes,
  pjrtApi,
  type PjrtField,
  type PjrtFunction,
  pjrtFunctions,
  wordsBeforeFunctions,
} from "./pjrt-functions.ts";

/** An address or a number in an argument struct; an array stands for its memory. */
type Word = bigint | number | ArrayBufferView;
type Koffi = typeof koffiType;

/** Options of a client by name, as a plugin documents them. */
export type ClientOptions = Readonly<Record<string, string | number | boolean>>;

/** Bytes that the device's allocator holds for arrays and temporaries. */
export interface DeviceMemory {
  readonly used: number;
  /** Null where the plugin does not count it. */
  readonly peak: number | null;
  readonly limit: number | null;
}

/**
 * A plugin with a client of its devices. Addresses (bigint) of executables and buffers are its own; who gets one
 * destroys it.
 */
export class Pjrt {
  readonly version: string;
  readonly platform: string;
  readonly platformVersion: string;
  readonly #koffi: Koffi;
  readonly #addresses: readonly bigint[];
  readonly #known = new Map<PjrtFunction, (struct: Buffer) => unknown>();
  readonly #prototype: unknown;
  readonly #client: bigint;
  readonly #devices: readonly bigint[];
  #closed = false;

  /** @throws Error where the library cannot be loaded, is of another API version, or finds no device */
  constructor(file: string, options: ClientOptions = {}) {
    this.#koffi = createRequire(import.meta.url)("koffi") as Koffi;
    this.#prototype = prototypeOf(this.#koffi);
    // koffi unloads its libraries when the thread ends: a crash where the library's own threads are still there.
    keepLibrary(file);
    const api = this.#koffi.load(file).func("void* GetPjrtApi()")() as unknown;
    const head = this.#words(api, wordsBeforeFunctions);
    const [major, minor] = [Number(head[4]! & 0xffffffffn), Number(head[4]! >> 32n)];
    this.version = `${major}.${minor}`;
    if (major !== pjrtApi.major || minor < pjrtApi.oldestMinor) {
      throw new Error(
        `the plugin ${file} has PJRT API ${this.version}: ` +
          `${pjrtApi.major}.${pjrtApi.oldestMinor} or a later ${pjrtApi.major}.x is needed`,
      );
    }
    this.#addresses = this.#words(api, Number(head[0]! / 8n)).slice(wordsBeforeFunctions);
    this.#call("Plugin_Initialize", {});
    this.#client = this.#call("Client_Create", {
      options: namedValues(this.#koffi, options),
      numOptions: Object.keys(options).length,
    }).client;
    const { name, nameSize } = this.#call("Client_PlatformName", { client: this.#client });
    this.platform = this.#text(name, nameSize);
    const { version, versionSize } = this.#call("Client_PlatformVersion", { client: this.#client });
    this.platformVersion = this.#text(version, versionSize);
    const { devices, numDevices } = this.#call("Client_AddressableDevices", { client: this.#client });
    this.#devices = this.#words(devices, Number(numDevices));
    if (this.#devices.length === 0) throw new Error(`the plugin ${file} (${this.platform}) sees no device`);
  }

  /** What the devices are, by name: the first one's kind stands for all of a machine's. */
  get devices(): readonly string[] {
    return this.#devices.map((device) => {
      const { description } = this.#call("Device_GetDescription", { device });
      const { kind, kindSize } = this.#call("DeviceDescription_Kind", { description });
      return this.#text(kind, kindSize);
    });
  }

  /** Null where the plugin does not count memory. */
  memory(device = 0): DeviceMemory | null {
    try {
      const stats = this.#call("Device_MemoryStats", { device: this.#devices[device]! });
      const known = (value: bigint, isSet: bigint): number | null => ((isSet & 0xffn) === 0n ? null : Number(value));
      return {
        used: Number(stats.bytesInUse),
        peak: known(stats.peakBytesInUse, stats.peakIsSet),
        limit: known(stats.bytesLimit, stats.bytesLimitIsSet),
      };
    } catch {
      return null;
    }
  }

  /** Compile StableHLO text. @param options a serialized CompileOptionsProto @throws Error with XLA's message */
  compile(code: string, options: Uint8Array): bigint {
    const [text, format] = [Buffer.from(code), Buffer.from("mlir")];
    const program = this.#struct([this.#address(text), text.length, this.#address(format), format.length]);
    const { executable } = this.#call("Client_Compile", {
      client: this.#client,
      program,
      options,
      optionsSize: options.length,
    });
    return kept(executable, text, format, program);
  }

  /** What `load` makes an executable of again, on the same plugin and kind of device. */
  serialize(loaded: bigint): Uint8Array {
    const { executable } = this.#call("LoadedExecutable_GetExecutable", { loaded });
    const { bytes, size, serialized, deleter } = this.#call("Executable_Serialize", { executable });
    const copy = new Uint8Array(this.#koffi.view(bytes, Number(size))).slice();
    (this.#koffi.decode(deleter, this.#prototype as string) as (serialized: bigint) => void)(serialized);
    this.#call("Executable_Destroy", { executable });
    return copy;
  }

  load(bytes: Uint8Array): bigint {
    return this.#call("Executable_DeserializeAndLoad", { client: this.#client, bytes, size: bytes.length }).loaded;
  }

  release(executable: bigint): void {
    if (!this.#closed) this.#call("LoadedExecutable_Destroy", { executable });
  }

  /** Copy an array to a device. */
  put(data: ArrayBufferView, shape: readonly number[], type: ElementType, device = 0): bigint {
    const dims = BigInt64Array.from(shape, BigInt);
    const { buffer, doneWithHostBuffer } = this.#call("Client_BufferFromHostBuffer", {
      client: this.#client,
      data,
      type: elementTypes[type],
      dims,
      numDims: shape.length,
      device: this.#devices[device]!,
    });
    this.#settle(doneWithHostBuffer);
    return buffer;
  }

  /** Copy an array here; waits for what computes it. @param into as large as the array */
  get<T extends ArrayBufferView>(buffer: bigint, into: T): T {
    if (into.byteLength === 0) return into;
    this.#settle(this.#call("Buffer_ToHostBuffer", { buffer, destination: into, size: into.byteLength }).event);
    return kept(into, into);
  }

  /** Where an array lies in its device's memory: what is written in place stays there. */
  addressOf(buffer: bigint): bigint {
    return this.#call("Buffer_UnsafePointer", { buffer }).pointer;
  }

  free(buffer: bigint): void {
    if (!this.#closed) this.#call("Buffer_Destroy", { buffer });
  }

  /**
   * Start a program on one device or on as many as there are lists of arguments; its outputs, for each device, can be
   * used at once. Arguments that the program says
   * it takes over (donated ones) are gone but must still be freed.
   */
  execute(executable: bigint, argumentLists: readonly (readonly bigint[])[], outputs: number): bigint[][] {
    const given = argumentLists.map((list) => BigUint64Array.from(list));
    const taken = argumentLists.map(() => new BigUint64Array(outputs));
    const lists = (arrays: readonly BigUint64Array[]): BigUint64Array =>
      BigUint64Array.from(arrays, (array) => this.#address(array));
    this.#call("LoadedExecutable_Execute", {
      executable,
      options: this.#struct(new Array<number>(12).fill(0)),
      argumentLists: lists(given),
      numDevices: argumentLists.length,
      numArguments: argumentLists[0]!.length,
      outputLists: lists(taken),
    });
    return kept(
      taken.map((list) => [...list]),
      given,
      taken,
    );
  }

  /** Nothing of it works afterwards; what it still held is gone. */
  close(): void {
    if (this.#closed) return;
    this.#call("Client_Destroy", { client: this.#client });
    this.#closed = true;
  }

  /** Call a function; returns all fields of its argument struct, those that it was given back among them. */
  #call<Name extends PjrtFunction>(
    name: Name,
    given: Partial<Record<PjrtField<Name>, Word>>,
  ): Record<PjrtField<Name>, bigint> {
    if (this.#closed) throw new Error("OpenXLA was closed in this process");
    const fields: readonly PjrtField<Name>[] = pjrtFunctions[name].fields;
    const struct = this.#struct(fields.map((field) => given[field] ?? 0));
    const error = this.#function(name)(struct);
    if (error !== null && error !== undefined) throw new Error(this.#messageOf(error));
    const words = new BigUint64Array(struct.buffer, struct.byteOffset, struct.length / 8);
    return kept(
      Object.fromEntries(fields.map((field, i) => [field, words[i + 2]!])) as Record<PjrtField<Name>, bigint>,
      given,
    );
  }

  #function(name: PjrtFunction): (struct: Buffer) => unknown {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const address = this.#addresses[pjrtFunctions[name].place] ?? 0n;
    if (address === 0n) throw new Error(`this PJRT plugin (API ${this.version}) has no ${name}`);
    const called = this.#koffi.decode(address, this.#prototype as string) as (struct: Buffer) => unknown;
    this.#known.set(name, called);
    return called;
  }

  /** A struct of these words after its size and the empty list of extensions. */
  #struct(words: readonly Word[]): Buffer {
    const struct = Buffer.alloc(8 * (words.length + 2));
    struct.writeBigUInt64LE(BigInt(struct.length), 0);
    words.forEach((word, i) =>
      struct.writeBigUInt64LE(
        typeof word === "object" ? this.#address(word) : BigInt.asUintN(64, BigInt(word)),
        8 * (i + 2),
      ),
    );
    return struct;
  }

  /** The address of an array's memory, which must be kept until it was used; of nothing 0. */
  #address(array: ArrayBufferView): bigint {
    return array.byteLength === 0 ? 0n : BigInt(this.#koffi.address(array));
  }

  #settle(event: bigint): void {
    if (event === 0n) return;
    try {
      this.#call("Event_Await", { event });
    } finally {
      this.#call("Event_Destroy", { event });
    }
  }

  #messageOf(error: unknown): string {
    const struct = this.#struct([BigInt(this.#koffi.address(error)), 0, 0]);
    this.#function("Error_Message")(struct);
    const message = this.#text(struct.readBigUInt64LE(24), struct.readBigUInt64LE(32));
    this.#function("Error_Destroy")(this.#struct([BigInt(this.#koffi.address(error))]));
    return message;
  }

  #words(address: unknown, count: number): bigint[] {
    if (count === 0) return [];
    return Array.from(
      this.#koffi.decode(address, this.#koffi.array("uint64_t", count)) as ArrayLike<number | bigint>,
      BigInt,
    );
  }

  #text(address: bigint, size: bigint): string {
    return size === 0n ? "" : Buffer.from(this.#koffi.view(address, Number(size))).toString();
  }
}

let prototype: unknown;

/** koffi keeps names of types for the whole process. */
function prototypeOf(koffi: Koffi): unknown {
  return (prototype ??= koffi.proto("void* papo_pjrt_function(void* arguments)"));
}

/** `value`, and what must not be collected before. */
function kept<T>(value: T, ...memory: readonly unknown[]): T {
  void memory.length;
  return value;
}

/** An array of PJRT_NamedValue; names and texts live as long as the process. */
function namedValues(koffi: Koffi, options: ClientOptions): Buffer {
  const entries = Object.entries(options);
  const structs = Buffer.alloc(56 * entries.length);
  entries.forEach(([name, value], i) => {
    const text = (content: string): bigint => {
      const bytes = Buffer.from(content);
      lasting.push(bytes);
      return BigInt(koffi.address(bytes));
    };
    const word = (place: number, content: bigint): void =>
      void structs.writeBigUInt64LE(BigInt.asUintN(64, content), 56 * i + 8 * place);
    word(0, 56n);
    word(2, text(name));
    word(3, BigInt(Buffer.byteLength(name)));
    const type =
      typeof value === "string"
        ? "string"
        : typeof value === "boolean"
          ? "bool"
          : Number.isInteger(value)
            ? "int64"
            : "float";
    word(4, BigInt(namedValueTypes[type]));
    if (typeof value === "string") word(5, text(value));
    else if (type === "float") structs.writeFloatLE(value as number, 56 * i + 40);
    else word(5, BigInt(value));
    word(6, BigInt(typeof value === "string" ? Buffer.byteLength(value) : 1));
  });
  return structs;
}

const lasting: Buffer[] = [];
