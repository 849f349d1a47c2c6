/**
 * LZ4 as Arrow's buffers hold it: the frame format, whose blocks may refer to those before. The decoders on npm either
 * know blocks alone (hyparquet-compressors) or do not stop at the end of what was cut short (lz4js).
 */

const magic = 0x184d2204;

/** The bytes of a frame. @throws Error when it is none, or cut short */
export function decompressLz4Frame(frame: Uint8Array): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < 7 || view.getUint32(0, true) !== magic) throw new Error("it is no LZ4 frame");
  const flags = frame[4]!;
  const [blockSums, sized, dictionary] = [(flags & 0x10) !== 0, (flags & 0x08) !== 0, (flags & 0x01) !== 0];
  if (dictionary) throw new Error("the LZ4 frame needs a dictionary, which is not here");
  const out = new Output(sized ? Number(view.getBigUint64(6, true)) : 4 * frame.length);
  for (let at = sized ? 15 : 7; ;) {
    if (at + 4 > frame.length) throw new Error("the LZ4 frame is cut short");
    const size = view.getUint32(at, true);
    if (size === 0) return out.bytes();
    const length = size & 0x7fff_ffff;
    at += 4;
    const block = frame.subarray(at, at + length);
    if (block.length < length) throw new Error("the LZ4 frame is cut short");
    // The highest bit marks a block that is stored as it is.
    if (size >>> 31 === 1) out.add(block);
    else addBlock(block, out);
    at += length + (blockSums ? 4 : 0);
  }
}

/** Sequences of literals and of copies of what came before. */
function addBlock(block: Uint8Array, out: Output): void {
  let at = 0;
  const lengthFrom = (nibble: number): number => {
    let length = nibble;
    if (nibble === 15) {
      let more: number;
      do {
        more = block[at++] ?? fail();
        length += more;
      } while (more === 255);
    }
    return length;
  };
  while (at < block.length) {
    const token = block[at++]!;
    const literals = lengthFrom(token >> 4);
    if (at + literals > block.length) fail();
    out.add(block.subarray(at, at + literals));
    at += literals;
    if (at === block.length) return;
    const offset = (block[at++] ?? fail()) | ((block[at++] ?? fail()) << 8);
    out.copy(offset, lengthFrom(token & 15) + 4);
  }
}

function fail(): never {
  throw new Error("the LZ4 block is cut short");
}

/** Bytes that grow. */
class Output {
  #data: Uint8Array;
  #length = 0;

  constructor(size: number) {
    this.#data = new Uint8Array(size);
  }

  add(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#data.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** What stood `offset` bytes ago; it may run into what it writes. */
  copy(offset: number, length: number): void {
    if (offset === 0 || offset > this.#length)
      throw new Error(`the LZ4 block refers to ${offset} bytes before, where there are ${this.#length}`);
    this.#reserve(length);
    const from = this.#length - offset;
    if (offset >= length) this.#data.copyWithin(this.#length, from, from + length);
    else for (let index = 0; index < length; index++) this.#data[this.#length + index] = this.#data[from + index]!;
    this.#length += length;
  }

  bytes(): Uint8Array {
    return this.#data.length === this.#length ? this.#data : this.#data.slice(0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#data.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#data.length, this.#length + more));
    larger.set(this.#data.subarray(0, this.#length));
    this.#data = larger;
  }
}
