import { expect, test } from "vitest";
import { changeRefusalOf, refusalOf } from "../../../../../recipes/app/page/server/guard.ts";

const status = (headers: Record<string, string>, { method = "GET", path = "/api/overview" } = {}): number =>
  refusalOf({ method, path, headers })?.status ?? 200;
const host = "127.0.0.1:4880";

test("only names of loopback are answered: a name that was made to lead here is not one", () => {
  for (const own of [host, "localhost:4880", "localhost", "[::1]:9", "127.0.0.1:9999"])
    expect(status({ host: own }), own).toBe(200);
  for (const other of [
    "",
    "evil.example",
    "evil.example:4880",
    "127.0.0.1.evil.example",
    "localhost.evil.example:80",
    "127.0.0.2",
    "0.0.0.0:4880",
    "127.0.0.1:4880@evil.example",
    "LOCALHOST.",
    "[::1]:4880.evil.example",
  ])
    expect(status({ host: other }), other).toBe(403);
});

test("an origin, where one is said, is this server's own", () => {
  expect(status({ host, origin: `http://${host}` })).toBe(200);
  for (const origin of [
    "http://evil.example",
    "null",
    "http://127.0.0.1:3000",
    "http://localhost:4880",
    `https://${host}`,
    `http://${host}.evil.example`,
  ])
    expect(status({ host, origin }), origin).toBe(403);
});

test("requests without an origin that a browser marks as another site's are refused; opening the page is not", () => {
  const navigation = { "sec-fetch-mode": "navigate" };
  expect(status({ host, "sec-fetch-site": "same-origin" })).toBe(200);
  expect(status({ host, "sec-fetch-site": "none", ...navigation }, { path: "/" })).toBe(200);
  expect(status({ host, "sec-fetch-site": "cross-site", ...navigation }, { path: "/" })).toBe(200);
  expect(status({ host, "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }, { path: "/" })).toBe(403);
  for (const path of ["/api/picture", "/api/events"])
    expect(status({ host, "sec-fetch-site": "cross-site" }, { path })).toBe(403);
  expect(status({ host, "sec-fetch-site": "same-site" })).toBe(403);
  for (const method of ["PUT", "DELETE", "OPTIONS", "TRACE"]) expect(status({ host }, { method })).toBe(405);
});

test("a change needs the token, whole, and JSON, which no form can send", () => {
  const json = { "content-type": "application/json" };
  const change = (headers: Record<string, string>): number => changeRefusalOf(headers, "secret-token")?.status ?? 200;
  expect(change({ ...json, "x-papo-token": "secret-token" })).toBe(200);
  expect(change({ "content-type": "application/json; charset=utf-8", "x-papo-token": "secret-token" })).toBe(200);
  for (const token of ["", "secret", "secret-token ", "Secret-token", "secret-tokenx"])
    expect(change({ ...json, "x-papo-token": token }), token).toBe(401);
  expect(change(json)).toBe(401);
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
    expect(change({ "content-type": type, "x-papo-token": "secret-token" }), type).toBe(415);
});
