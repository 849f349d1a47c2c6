import { MessageChannel } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect, serve, type Caller } from "../../../core/worker/rpc.ts";
import { sumsHandlers, type SumsService } from "./sums-worker.ts";

let channel: MessageChannel;
let caller: Caller<SumsService>;

beforeEach(() => {
  channel = new MessageChannel();
  serve(channel.port2, sumsHandlers);
  caller = connect<SumsService>(channel.port1);
});
afterEach(() => channel.port1.close());

describe("calls over a port", () => {
  it("answers each call with its own result", async () => {
    const sums = await Promise.all([1, 2, 3].map((a) => caller.call("add", { a, b: 10 })));
    expect(sums).toEqual([11, 12, 13]);
    expect(caller.waiting).toBe(0);
  });

  it("runs calls one at a time in the order they were made, and sees their messages at once", async () => {
    const slow = caller.call("add", { a: 5, b: 5, delay: 30 });
    const quick = caller.call("add", { a: 6, b: 6 });
    await Promise.all([slow, quick]);
    const lines = (await caller.call("log", null)).slice(-6);
    expect([...lines].sort()).toEqual([
      "arrived 5+5",
      "arrived 6+6",
      "done 5+5",
      "done 6+6",
      "started 5+5",
      "started 6+6",
    ]);
    expect(lines.indexOf("started 6+6")).toBeGreaterThan(lines.indexOf("done 5+5"));
    expect(lines.indexOf("arrived 6+6")).toBeLessThan(lines.indexOf("done 5+5"));
  });

  it("moves buffers that are transferred and copies the others", async () => {
    const kept = Float32Array.of(1, 2);
    expect(await caller.call("double", kept)).toEqual(Float32Array.of(2, 4));
    expect(kept).toEqual(Float32Array.of(1, 2));
    const moved = Float32Array.of(3);
    expect(await caller.call("double", moved, { transfer: [moved.buffer] })).toEqual(Float32Array.of(6));
    expect(moved.length).toBe(0);
  });

  it("streams items in order before the reply", async () => {
    const items: number[] = [];
    const reply = await caller.call("count", 5, { onItem: (item) => items.push(item[0]!) });
    expect(items).toEqual([0, 1, 2, 3, 4]);
    expect(reply).toBe("counted");
  });

  it("rejects with a listener's error and hands on no more items", async () => {
    const items: number[] = [];
    const call = caller.call("count", 5, {
      onItem: (item) => {
        items.push(item[0]!);
        if (item[0] === 2) throw new Error("enough");
      },
    });
    await expect(call).rejects.toThrow("enough");
    expect(items).toEqual([0, 1, 2]);
    expect(await caller.call("add", { a: 1, b: 1 })).toBe(2);
  });

  it("throws the handler's error with name, stack, cause and fields, and goes on", async () => {
    const error = await caller.call("fail", "no such sum").then(
      () => null,
      (thrown: unknown) => thrown as Error,
    );
    expect(error).toBeInstanceOf(Error);
    expect(error!.name).toBe("TypeError");
    expect(error!.message).toBe("no such sum");
    expect(error!.stack).toContain("sums-worker.ts");
    expect(error!.stack).toContain("called from");
    expect(error!.stack).toContain("rpc.test.ts");
    expect(error!.cause).toMatchObject({ name: "RangeError", message: "the root", code: "E_ROOT" });
    expect(await caller.call("add", { a: 1, b: 1 })).toBe(2);
  });

  it("rejects unknown methods by name", async () => {
    await expect(caller.call("subtract" as "add", { a: 1, b: 1 })).rejects.toThrow(
      'No method "subtract" is served here, only add, log',
    );
  });

  it("fails what waits and what comes later, naming the calls", async () => {
    const waiting = caller.call("add", { a: 1, b: 1, delay: 50 });
    caller.fail((methods) => new Error(`gone during ${methods.join(", ")}`));
    await expect(waiting).rejects.toThrow("gone during add");
    await expect(caller.call("log", null)).rejects.toThrow("gone during log");
  });
});
