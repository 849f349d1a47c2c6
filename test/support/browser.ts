/** A real browser, where there is one: Chromium without a window, spoken to over a pipe. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Readable, Writable } from "node:stream";

const names = ["chromium", "chromium-browser", "google-chrome"];

/** The program's name; null where none is installed. */
export const browserProgram: string | null = names.find((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0) ?? null;

export interface Page {
  /** The value of an expression in the page, as JSON. */
  evaluate(expression: string): Promise<unknown>;
  close(): Promise<void>;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** Open an HTML file and wait until it is loaded. */
export async function openPage(file: string): Promise<Page> {
  if (browserProgram === null) throw new Error(`no browser is installed: ${names.join(", ")}`);
  const profile = mkdtempSync(join(tmpdir(), "browser-"));
  const child = spawn(browserProgram, ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", `--user-data-dir=${profile}`, "about:blank"], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
  const [input, output] = [child.stdio[3] as Writable, child.stdio[4] as Readable];
  const waiting = new Map<number, { resolve(result: Record<string, unknown>): void; reject(error: Error): void }>();
  let loaded = (): void => undefined;
  const load = new Promise<void>((resolve) => (loaded = resolve));
  let text = "";
  output.setEncoding("utf8").on("data", (chunk: string) => {
    const parts = (text + chunk).split("\0");
    text = parts.pop() ?? "";
    for (const part of parts) {
      const { id, method, result, error } = JSON.parse(part) as Message;
      if (method === "Page.loadEventFired") loaded();
      const asked = id === undefined ? undefined : waiting.get(id);
      if (error !== undefined) asked?.reject(new Error(error.message));
      else asked?.resolve(result ?? {});
    }
  });
  child.on("exit", () => {
    for (const { reject } of waiting.values()) reject(new Error("the browser ended"));
  });
  let last = 0;
  const send = (method: string, params: object, sessionId?: string): Promise<Record<string, unknown>> => new Promise((resolve, reject) => {
    const id = ++last;
    waiting.set(id, { resolve, reject });
    input.write(`${JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) })}\0`);
  });
  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
  const inPage = (method: string, params: object = {}): Promise<Record<string, unknown>> => send(method, params, sessionId as string);
  await inPage("Page.enable");
  await inPage("Page.navigate", { url: pathToFileURL(file).href });
  await load;
  return {
    async evaluate(expression) {
      const { result, exceptionDetails } = (await inPage("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true })) as { result: { value?: unknown }; exceptionDetails?: { text: string; exception?: { description?: string } } };
      if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    },
    async close() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill();
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}
