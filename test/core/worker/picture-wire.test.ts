import { describe, expect, it } from "vitest";
import type { EncodedPrompt } from "../../../core/model/model.ts";
import type { EncodedPicture } from "../../../core/model/processing/picture.ts";
import { createRandom } from "../../../core/math/random.ts";
import { createPictureReceiver, createPictureSender } from "../../../core/worker/picture-wire.ts";

/** 40 bytes of pixels. */
const picture = (hash: string): EncodedPicture => ({
  hash,
  grid: [1, 2, 2],
  pixels: new Float32Array(10).fill(hash.charCodeAt(0)),
});
const prompt = (...hashes: string[]): EncodedPrompt => ({ ids: Int32Array.of(1, 2), pictures: hashes.map(picture) });

describe("pictures on the wire", () => {
  it("sends each picture once, also within one message", () => {
    const sender = createPictureSender(1000);
    const receiver = createPictureReceiver();
    const first = sender.pack([prompt("a", "b"), prompt("a"), prompt()]);
    expect(first.pictures.map(({ hash }) => hash)).toEqual(["a", "b"]);
    expect(receiver.unpack(first)).toEqual([prompt("a", "b"), prompt("a"), prompt()]);
    const second = sender.pack([prompt("b", "c")]);
    expect(second.pictures.map(({ hash }) => hash)).toEqual(["c"]);
    expect(receiver.unpack(second)).toEqual([prompt("b", "c")]);
    expect(receiver.heldBytes).toBe(120);
    expect(sender.heldBytes).toBe(120);
  });

  it("forgets the least recently used and sends it again when needed", () => {
    const sender = createPictureSender(80);
    const receiver = createPictureReceiver();
    receiver.unpack(sender.pack([prompt("a")]));
    receiver.unpack(sender.pack([prompt("b")]));
    receiver.unpack(sender.pack([prompt("a")]));
    const third = sender.pack([prompt("c")]);
    expect(third.forget).toEqual(["b"]);
    expect(receiver.unpack(third)).toEqual([prompt("c")]);
    expect(receiver.heldBytes).toBe(80);
    const again = sender.pack([prompt("b")]);
    expect(again.pictures.map(({ hash }) => hash)).toEqual(["b"]);
    expect(receiver.unpack(again)).toEqual([prompt("b")]);
  });

  it("carries a message that needs more than the limit", () => {
    const sender = createPictureSender(50);
    const receiver = createPictureReceiver();
    receiver.unpack(sender.pack([prompt("z")]));
    const large = [prompt("a", "b"), prompt("c")];
    expect(receiver.unpack(sender.pack(large))).toEqual(large);
    expect(receiver.unpack(sender.pack([prompt("d")]))).toEqual([prompt("d")]);
    expect(receiver.heldBytes).toBe(40);
  });

  it("keeps both sides equal over many random messages", () => {
    const sender = createPictureSender(200);
    const receiver = createPictureReceiver();
    const random = createRandom(5);
    for (let message = 0; message < 200; message++) {
      const names = Array.from({ length: 3 }, (_, slot) =>
        String.fromCharCode(97 + Math.floor(26 * random.uniform(3 * message + slot) ** 2)),
      );
      const prompts = [prompt(...names.slice(0, 2)), prompt(...names.slice(2))];
      expect(receiver.unpack(sender.pack(prompts))).toEqual(prompts);
      expect(receiver.heldBytes).toBe(sender.heldBytes);
      expect(sender.heldBytes).toBeLessThanOrEqual(200);
    }
  });

  it("sends only the part of a buffer that an array views", () => {
    const large = new Float32Array(1000).fill(7);
    const packed = createPictureSender(1000).pack([
      {
        ids: new Int32Array(100).subarray(5, 8),
        pictures: [{ hash: "x", grid: [1, 2, 2], pixels: large.subarray(10, 20) }],
      },
    ]);
    expect(packed.pictures[0]!.pixels.buffer.byteLength).toBe(40);
    expect(packed.prompts[0]!.ids.buffer.byteLength).toBe(12);
  });

  it("says so when messages are unpacked out of order", () => {
    const sender = createPictureSender(1000);
    sender.pack([prompt("a")]);
    const second = sender.pack([prompt("a")]);
    expect(() => createPictureReceiver().unpack(second)).toThrow("the picture a, which was never sent");
  });
});
