/** The page's server, on loopback: the page, what it asks for, and an event whenever something is new. */
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { faultsOf } from "@papo/core";
import { z } from "zod";
import { actions, type Action } from "../../run-control.ts";
import { livePage, livePolicy } from "../document.ts";
import { Answers, BadRequest } from "./answers.ts";
import { changeRefusalOf, refusalOf } from "./guard.ts";
import type { WatchedRuns } from "./watched-runs.ts";
import { complain } from "../../display/say.ts";

/** Milliseconds between two looks at the folders, and between two signs of life. */
const [lookEvery, aliveEvery] = [500, 15_000];
/** Pages that follow at one time. */
const mostListeners = 32;
/** The first of the ports that are tried. */
export const usualPort = 4880;
const triedPorts = 20;

export interface PageServerOptions {
  readonly runs: WatchedRuns;
  readonly title: string;
  /** Null: the first free one from `usualPort` on. 0: any. */
  readonly port: number | null;
  /** What a change needs. */
  readonly token: string;
  /** Asked to change a run. @returns what went wrong, or null */
  readonly control: (run: number, action: Action) => Promise<string | null>;
}

export interface PageServer {
  /** "http://127.0.0.1:4880" */
  readonly address: string;
  close(): Promise<void>;
}

export const newToken = (): string => randomBytes(24).toString("base64url");

/** The address to open, with the token where no browser sends it on. */
export const addressWithToken = (address: string, token: string): string => `${address}/#token=${token}`;

/** @throws Error when the port is taken */
export async function servePage(options: PageServerOptions): Promise<PageServer> {
  const { runs, port, title } = options;
  const listeners = new Set<ServerResponse>();
  const answers = new Answers(runs, title);
  const server = createServer(handlerOf(options, answers, listeners));
  await listen(server, port);
  const follower = follow(runs, listeners);
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      follower.end();
      answers.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listen(server: Server, port: number | null): Promise<void> {
  const ports = port === null ? Array.from({ length: triedPorts }, (_, at) => usualPort + at) : [port];
  for (const one of ports) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(one, "127.0.0.1", () => {
          server.off("error", reject);
          resolve();
        });
      });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    }
  }
  throw new Error(
    port === null
      ? `The ports ${usualPort} to ${usualPort + triedPorts - 1} are taken: choose one with --port, or any with --port 0`
      : `The port ${port} is taken: choose another with --port, or any with --port 0`,
  );
}

/** Look at the folders again and again, and tell all listeners of what is new. */
function follow(runs: WatchedRuns, listeners: ReadonlySet<ServerResponse>): { end(): void } {
  let timer: NodeJS.Timeout | null = null;
  let ended = false;
  let told = "";
  const look = (): void => {
    let more = false;
    try {
      more = runs.read();
    } catch (error) {
      complain(`The page cannot read its runs: ${(error as Error).message}`);
    }
    const revisions = JSON.stringify(runs.revisions);
    if (revisions !== told) for (const listener of listeners) listener.write(`data: ${revisions}\n\n`);
    told = revisions;
    if (!ended) timer = setTimeout(look, more ? 0 : lookEvery);
  };
  const alive = setInterval(() => {
    for (const listener of listeners) listener.write(": alive\n\n");
  }, aliveEvery);
  look();
  return {
    end: () => {
      ended = true;
      if (timer !== null) clearTimeout(timer);
      clearInterval(alive);
    },
  };
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

function handlerOf(
  { runs, title, token, control }: PageServerOptions,
  answers: Answers,
  listeners: Set<ServerResponse>,
): Handler {
  const data: Readonly<Record<string, (query: URLSearchParams) => unknown>> = {
    "/api/overview": () => answers.overview(),
    "/api/curves": (query) => answers.curves(query),
    "/api/rollouts/index": (query) => answers.rolloutIndex(query),
    "/api/rollouts": (query) => answers.rollouts(query),
    "/api/questions": () => answers.questions(),
  };
  const answer: (...about: Parameters<Handler>) => Promise<void> = async (request, response) => {
    const { pathname: path, searchParams: query } = new URL(request.url ?? "/", "http://localhost");
    const refusal = refusalOf({ method: request.method, path, headers: request.headers });
    if (refusal !== null) return say(response, refusal.status, refusal.message);
    if (request.method === "POST")
      return path === "/api/control" ? change(request, response) : say(response, 404, "Nothing is changed there");
    if (path === "/") return sendPage(response, title);
    if (path === "/api/events") return listenTo(response, runs, listeners);
    if (path === "/api/picture") return sendPicture(response, await answers.picture(query));
    const found = Object.hasOwn(data, path) ? data[path] : undefined;
    return found === undefined
      ? say(response, 404, "There is nothing here")
      : send(response, 200, "application/json", JSON.stringify(found(query)));
  };
  const change = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const refusal = changeRefusalOf(request.headers, token);
    if (refusal !== null) return say(response, refusal.status, refusal.message);
    const { run, action } = await changeOf(request);
    const problem = await control(run, action);
    return problem === null ? send(response, 200, "application/json", "{}") : say(response, 409, problem);
  };
  return (request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else say(response, error instanceof BadRequest ? 400 : 500, (error as Error).message);
    });
  };
}

const changeSchema = z.strictObject({ run: z.int().nonnegative(), action: z.enum(actions) });

async function changeOf(request: IncomingMessage): Promise<z.output<typeof changeSchema>> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += chunk as string;
    if (text.length > 1000) throw new BadRequest("That is too long for a change");
  }
  let value: unknown = null;
  try {
    value = JSON.parse(text);
  } catch {
    // Refused below, as any other value.
  }
  const parsed = changeSchema.safeParse(value);
  if (!parsed.success) throw new BadRequest(faultsOf(parsed.error, value));
  return parsed.data;
}

function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    "content-type": `${type}; charset=utf-8`,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    ...headers,
  });
  response.end(body);
}

const say = (response: ServerResponse, status: number, message: string): void =>
  send(response, status, "text/plain", message);

function sendPage(response: ServerResponse, title: string): void {
  const nonce = randomBytes(18).toString("base64");
  send(response, 200, "text/html", livePage(title, nonce), {
    "content-security-policy": livePolicy(nonce),
    "x-frame-options": "DENY",
  });
}

function sendPicture(response: ServerResponse, picture: Buffer | null): void {
  if (picture === null) say(response, 404, "There is no such picture in the run's folder");
  else send(response, 200, "image/webp", picture, { "cache-control": "private, max-age=3600" });
}

/** Server-sent events: the revisions now, and whenever they change. */
function listenTo(response: ServerResponse, runs: WatchedRuns, listeners: Set<ServerResponse>): void {
  if (listeners.size >= mostListeners) return say(response, 503, `${mostListeners} pages follow already`);
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  response.write(`retry: 2000\ndata: ${JSON.stringify(runs.revisions)}\n\n`);
  listeners.add(response);
  response.on("close", () => listeners.delete(response));
}
