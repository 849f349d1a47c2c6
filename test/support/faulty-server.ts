/** A real server with the faults that servers have, by name; it answers a reward's questions and a judge's alike. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a scorer comes to with a fault: the score of one that is none, or what its error says. */
export interface ServerFault {
  readonly answer: (response: ServerResponse, right: string) => void;
  readonly outcome: number | RegExp;
}

const send = (response: ServerResponse, status: number, type: string, text: string): void =>
  void response.writeHead(status, { "Content-Type": type }).end(text);
const escape = "\u001b]0;owned\u0007\u001b[31m";

export const serverFaults: Readonly<Record<string, ServerFault>> = {
  slow: {
    answer: (response, right) => void setTimeout(() => send(response, 200, "application/json", right), 50),
    outcome: 0.5,
  },
  reset: {
    answer: (response) => void response.socket?.resetAndDestroy(),
    outcome: /cannot be asked: .*, the last of 2 tries/,
  },
  "500": {
    answer: (response) => send(response, 500, "text/plain", `oh no${escape}`),
    outcome: /answered 500: oh no\\x1b\]0;owned\\x07\\x1b\[31m, the last of 2 tries/,
  },
  html: {
    answer: (response) => send(response, 200, "text/html", `<html>${escape}</html>`),
    outcome: /answered no JSON: <html>\\x1b/,
  },
  partial: {
    answer: (response, right) => {
      response.writeHead(200, { "Content-Type": "application/json", "Content-Length": String(right.length) });
      response.write(right.slice(0, 5), () => response.destroy());
    },
    outcome: /cannot be asked: its answer was cut short.*, the last of 2 tries/,
  },
  half: {
    answer: (response, right) => send(response, 200, "application/json", right.slice(0, right.length >> 1)),
    outcome: /answered no JSON/,
  },
  never: { answer: () => undefined, outcome: /gave no answer within 1 s/ },
  drips: {
    answer: (response) => {
      response.writeHead(200, { "Content-Type": "application/json" });
      const timer = setInterval(() => response.write(" "), 20);
      response.on("close", () => clearInterval(timer));
    },
    outcome: /gave no answer within 1 s/,
  },
  twice: {
    answer: (response, right) => send(response, 200, "application/json", `${right}${right}`),
    outcome: /answered no JSON/,
  },
  "twice the scores": {
    answer: (response, right) =>
      send(response, 200, "application/json", right.includes("scores") ? '{"scores":[1,1]}' : '{"choices":[]}'),
    outcome: /answered \{"scores":\[1,1\]\} \(2 scores for 1\)|which is no chat completion/,
  },
  "to another host": {
    answer: (response) => void response.writeHead(307, { Location: "http://elsewhere.invalid/collect" }).end(),
    outcome: /redirects to http:\/\/elsewhere\.invalid, and .* give that address as url/,
  },
  "in a circle": {
    answer: (response) => void response.writeHead(307, { Location: "/again" }).end(),
    outcome: /redirects more than 3 times/,
  },
  endless: {
    answer: (response) => {
      response.writeHead(200, { "Content-Type": "application/json" });
      const more = (): void => {
        while (!response.destroyed && response.write(" ".repeat(65_536)));
      };
      response.on("drain", more);
      more();
    },
    outcome: /answered more than 1 MiB \(the option maxAnswerMegabytes\)/,
  },
  deep: {
    answer: (response) => send(response, 200, "application/json", `${"[".repeat(100_000)}${"]".repeat(100_000)}`),
    outcome: /answered \[+…/,
  },
  "infinite score": {
    answer: (response, right) =>
      send(
        response,
        200,
        "application/json",
        right.includes("scores") ? '{"scores":[1e999]}' : '{"choices":[{"message":{"content":"score: none"}}]}',
      ),
    outcome: /is needed|the judge gave no score/,
  },
  "null for all": { answer: (response) => send(response, 200, "application/json", "null"), outcome: /answered null/ },
};

export interface FaultyServer {
  readonly url: string;
  /** What it does next, and what a right answer is. */
  now: { readonly fault: ServerFault; readonly right: string };
  close(): void;
}

export async function startFaultyServer(): Promise<FaultyServer> {
  const state: { now: FaultyServer["now"] } = { now: { fault: serverFaults["never"]!, right: "" } };
  const server: Server = createServer((request: IncomingMessage, response: ServerResponse) => {
    request.resume().on("end", () => state.now.fault.answer(response, state.now.right));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(state, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
}
