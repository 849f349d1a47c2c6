/**
 * Who may ask a server on loopback. Any page that a browser shows can send requests there, and a name of the attacker's
 * can be made to lead there (DNS rebinding): so the Host must be a name of loopback, the Origin, where one is said,
 * this server's own, and what changes a run needs a token besides.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

export interface Refusal {
  readonly status: number;
  readonly message: string;
}

interface Asked {
  readonly method: string | undefined;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

const loopback = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/;

/** Why a request is not answered; null where it may be. The port of the Host may be another: a tunnel leads here. */
export function refusalOf({ method = "", path, headers }: Asked): Refusal | null {
  const { host = "", origin } = headers;
  if (!loopback.test(host))
    return { status: 403, message: `This server answers on loopback alone, not to the host "${host}"` };
  if (origin !== undefined && origin !== `http://${host}`)
    return { status: 403, message: "Pages of other origins may not ask this server" };
  // What browsers say of requests that carry no Origin: pictures, links.
  const site = headers["sec-fetch-site"];
  const opens = path === "/" && headers["sec-fetch-mode"] === "navigate";
  if (site !== undefined && site !== "same-origin" && site !== "none" && !opens)
    return { status: 403, message: "Pages of other sites may not ask this server" };
  if (method !== "GET" && method !== "HEAD" && method !== "POST")
    return { status: 405, message: `There is no ${method} here` };
  return null;
}

/**
 * Why a request may change nothing; null where it has the token, says that it is JSON, and so comes from no form of
 * another page.
 */
export function changeRefusalOf(headers: IncomingHttpHeaders, token: string): Refusal | null {
  const given = headers["x-papo-token"];
  if (typeof given !== "string" || !equal(given, token))
    return {
      status: 401,
      message: "To pause or stop a run, open the address that the terminal shows: it ends in a token",
    };
  if (headers["content-type"]?.split(";")[0]?.trim() !== "application/json")
    return { status: 415, message: "A change is sent as application/json" };
  return null;
}

/** In a time that does not tell where they differ. */
const equal = (a: string, b: string): boolean =>
  timingSafeEqual(...([a, b].map((text) => createHash("sha256").update(text).digest()) as [Buffer, Buffer]));
