/** A real browser, where there is one: Chromium without a window, spoken to over a pipe. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Readable, Writable } from "node:stream";

const names = ["chromium", "chromium-browser", "google-chrome"];

/** The program's name; null where none is installed. */
export const browserProgram: string | null =
  names.find((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0) ?? null;

if (browserProgram === null) console.log(`pages are not tested in a browser: none of ${names.join(", ")} is installed`);

export interface PageOptions {
  /** Of the window, CSS pixels. Default 1400 × 900. */
  readonly width?: number;
  readonly height?: number;
  /** Default "light". */
  readonly scheme?: "light" | "dark";
}

export interface Page {
  /** The value of an expression in the page, as JSON; of a promise, what it resolves to. */
  evaluate(expression: string): Promise<unknown>;
  /**
   * Wait until an expression is true. @throws Error saying what it was for when it is not within so many seconds, by
   * default 20
   */
  until(what: string, expression: string, seconds?: number): Promise<void>;
  /** Press a key: "Tab", "ArrowRight", "Enter". */
  press(key: string): Promise<void>;
  /** A PNG of the window, or of the whole page. */
  screenshot(whole?: boolean): Promise<Buffer>;
  /** JavaScript heap in use after a collection, bytes. */
  heap(): Promise<number>;
  /** What went wrong in the page so far: exceptions, refused loads, violations of its policy. */
  readonly errors: readonly string[];
  close(): Promise<void>;
}

interface Message {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

type Send = (method: string, params?: object) => Promise<Record<string, unknown>>;

type Listener = (method: string, params: unknown) => void;

interface Browser {
  /** A new page of its own. */
  open(onEvent: Listener): Promise<{ readonly send: Send; close(): Promise<void> }>;
  close(): Promise<void>;
}

/**
 * Its helpers write into the profile for a moment after it has ended, and what is made anew while a folder is emptied
 * is an error that `maxRetries` does not cover.
 */
async function removeProfile(profile: string, tries = 50): Promise<void> {
  try {
    rmSync(profile, { recursive: true, force: true });
  } catch (error) {
    if (tries === 0) throw error;
    await new Promise((resolve) => setTimeout(resolve, 100));
    await removeProfile(profile, tries - 1);
  }
}

/** A browser, and how it is spoken to (Chrome DevTools Protocol). */
function startBrowser(program: string): Browser {
  const profile = mkdtempSync(join(tmpdir(), "browser-"));
  const child = spawn(
    program,
    [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--remote-debugging-pipe",
      `--user-data-dir=${profile}`,
      "about:blank",
    ],
    { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
  );
  const [input, output] = [child.stdio[3] as Writable, child.stdio[4] as Readable];
  const waiting = new Map<number, { resolve(result: Record<string, unknown>): void; reject(error: Error): void }>();
  const listeners = new Map<string, Listener>();
  let text = "";
  output.setEncoding("utf8").on("data", (chunk: string) => {
    const parts = (text + chunk).split("\0");
    text = parts.pop() ?? "";
    for (const part of parts) {
      const { id, sessionId = "", method, params, result, error } = JSON.parse(part) as Message;
      if (method !== undefined) listeners.get(sessionId)?.(method, params);
      const asked = id === undefined ? undefined : waiting.get(id);
      if (error !== undefined) asked?.reject(new Error(error.message));
      else asked?.resolve(result ?? {});
    }
  });
  child.on("exit", () => {
    for (const { reject } of waiting.values()) reject(new Error("the browser ended"));
  });
  let last = 0;
  const sendTo =
    (sessionId?: string): Send =>
    (method, params = {}) =>
      new Promise((resolve, reject) => {
        const id = ++last;
        waiting.set(id, { resolve, reject });
        input.write(`${JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) })}\0`);
      });
  return {
    open: async (onEvent) => {
      // A context is what a private window is: no page sees what another stored.
      const { browserContextId } = await sendTo()("Target.createBrowserContext");
      const { targetId } = await sendTo()("Target.createTarget", { url: "about:blank", browserContextId });
      const { sessionId } = await sendTo()("Target.attachToTarget", { targetId, flatten: true });
      listeners.set(sessionId as string, onEvent);
      return {
        send: sendTo(sessionId as string),
        close: () => sendTo()("Target.disposeBrowserContext", { browserContextId }).then(() => undefined),
      };
    },
    close: async () => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill();
      await ended;
      await removeProfile(profile);
    },
  };
}

/** One for all pages of a test file, ended with the last of them. */
let browser: Browser | null = null;
let pages = 0;

const keyCodes: Readonly<Record<string, number>> = {
  Tab: 9,
  Enter: 13,
  Escape: 27,
  " ": 32,
  End: 35,
  Home: 36,
  ArrowLeft: 37,
  ArrowUp: 38,
  ArrowRight: 39,
  ArrowDown: 40,
};

/** What an event of the page says went wrong, or null. */
function problemOf(method: string, params: unknown): string | null {
  if (method === "Runtime.exceptionThrown") {
    const { exceptionDetails } = params as { exceptionDetails: { text: string; exception?: { description?: string } } };
    return exceptionDetails.exception?.description ?? exceptionDetails.text;
  }
  if (method !== "Log.entryAdded") return null;
  const { entry } = params as { entry: { level: string; text: string } };
  return entry.level === "error" ? entry.text : null;
}

/** Open an HTML file or an address and wait until it is loaded. */
export async function openPage(
  place: string,
  { width = 1400, height = 900, scheme = "light" }: PageOptions = {},
): Promise<Page> {
  if (browserProgram === null) throw new Error(`no browser is installed: ${names.join(", ")}`);
  const errors: string[] = [];
  let loaded = (): void => undefined;
  const load = new Promise<void>((resolve) => (loaded = resolve));
  pages += 1;
  browser ??= startBrowser(browserProgram);
  const { send, close } = await browser.open((method, params) => {
    if (method === "Page.loadEventFired") loaded();
    const problem = problemOf(method, params);
    if (problem !== null) errors.push(problem);
  });
  for (const domain of ["Page", "Runtime", "Log"]) await send(`${domain}.enable`);
  // Each page takes keys as if its window were in front.
  await send("Emulation.setFocusEmulationEnabled", { enabled: true });
  await send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
  await send("Emulation.setScrollbarsHidden", { hidden: true });
  await send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
  await send("Page.navigate", { url: /^https?:/.test(place) ? place : pathToFileURL(place).href });
  await load;
  const evaluate = async (expression: string): Promise<unknown> => {
    const { result, exceptionDetails } = (await send("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    })) as { result: { value?: unknown }; exceptionDetails?: { text: string; exception?: { description?: string } } };
    if (exceptionDetails !== undefined)
      throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  return {
    evaluate,
    errors,
    async close() {
      await close();
      pages -= 1;
      const idle = pages === 0 ? browser : null;
      if (idle === null) return;
      browser = null;
      await idle.close();
    },
    async until(what, expression, seconds = 20) {
      const met = await evaluate(`(async () => {
        for (let tries = 0; tries < ${20 * seconds}; tries++) {
          if (${expression}) return true;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        return false;
      })()`);
      if (met !== true)
        throw new Error(
          `the page never came to this: ${what}; it says: ${String(await evaluate("document.body.innerText.slice(0, 600)"))} ${errors.join("; ")}`,
        );
    },
    async press(key) {
      const code = {
        key,
        code: key,
        windowsVirtualKeyCode: keyCodes[key] ?? 0,
        ...(key === "Enter" ? { text: "\r" } : {}),
      };
      await send("Input.dispatchKeyEvent", { type: "keyDown", ...code });
      await send("Input.dispatchKeyEvent", { type: "keyUp", ...code });
    },
    async screenshot(whole = false) {
      const { data } = (await send("Page.captureScreenshot", {
        format: "png",
        captureBeyondViewport: whole,
        ...(whole
          ? {
              clip: {
                x: 0,
                y: 0,
                width,
                height: Math.min(16_000, Number(await evaluate("document.documentElement.scrollHeight"))),
                scale: 1,
              },
            }
          : {}),
      })) as { data: string };
      return Buffer.from(data, "base64");
    },
    async heap() {
      await send("HeapProfiler.collectGarbage");
      const { usedSize } = (await send("Runtime.getHeapUsage")) as { usedSize: number };
      return usedSize;
    },
  };
}
