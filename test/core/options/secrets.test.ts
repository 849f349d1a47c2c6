import { inspect } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { parseOptions } from "../../../core/options/options.ts";
import { environment, holdsSecret, Secret, secret, withoutSecrets } from "../../../core/options/secrets.ts";

afterEach(() => {
  delete process.env["SECRETS_TEST_KEY"];
});

test("a secret shows itself to nobody but who asks", () => {
  const key = new Secret('Bearer sk-4f"2/91');
  expect(key.reveal()).toBe('Bearer sk-4f"2/91');
  for (const shown of [
    String(key),
    JSON.stringify({ key }),
    inspect({ key }),
    `${JSON.stringify(Object.entries(key))}`,
  ])
    expect(shown).not.toContain("4f");
  expect(structuredClone({ ...key })).toEqual({});
});

test("it is struck out of texts: the key of a header alone, in JSON and in an address too", () => {
  expect(new Secret('Bearer sk-77"aa bb').reveal()).toContain("77");
  expect(withoutSecrets('401: {"got": "Bearer sk-77\\"aa bb"}')).toBe('401: {"got": "(secret)"}');
  expect(withoutSecrets('no such key: sk-77"aa')).toBe("no such key: (secret)");
  expect(withoutSecrets("/?k=sk-77%22aa")).toBe("/?k=(secret)");
  expect(withoutSecrets("a Bearer of news")).toBe("a Bearer of news");
});

test.each([
  ["JSON of PHP", (key: string) => key.replaceAll("/", "\\/")],
  ["JSON within JSON", (key: string) => JSON.stringify(JSON.stringify(key.replaceAll("/", "\\/"))).slice(3, -3)],
  [
    "JSON of code units",
    (key: string) => [...key].map((unit) => `\\u00${unit.charCodeAt(0).toString(16).toUpperCase()}`).join(""),
  ],
  ["an address", (key: string) => encodeURIComponent(key).toLowerCase()],
  ["a page", (key: string) => key.replaceAll("/", "&#x2F;").replaceAll("+", "&#43;")],
])("it is struck out as %s writes it", (_what, written) => {
  const key = new Secret("ab/cd+ef/12-34").reveal();
  expect(withoutSecrets(`got ${written(key)}!`)).toBe("got (secret)!");
});

test("a text of what escapes begin with takes no longer than another", () => {
  expect(new Secret('"/quoted/12345').reveal()).toContain("quoted");
  const text = "\\".repeat(2 ** 20);
  expect(withoutSecrets(text)).toBe(text);
});

test("what stands in its place is not searched for another: a key may be the word secret itself", () => {
  expect([new Secret("sk-91/(a+b)$"), new Secret("secret"), new Secret("sk-91")].map(String)).toEqual(
    Array(3).fill("(secret)"),
  );
  expect(withoutSecrets("keys sk-91/(a+b)$ and secret and sk-91x")).toBe("keys (secret) and (secret) and sk-91x");
});

describe("a plugin's option", () => {
  const schema = z.strictObject({ /** Of the server. */ key: secret() });

  test("that the schema marks is a secret, whether it comes from the environment or as a text", () => {
    process.env["SECRETS_TEST_KEY"] = "from-outside";
    for (const given of [environment("SECRETS_TEST_KEY"), "from-outside"]) {
      const options = parseOptions("KeyPlugin", schema, { key: given });
      expect(options.key.reveal()).toBe("from-outside");
      expect(JSON.stringify(options)).toBe('{"key":"(secret)"}');
    }
    expect(environment("SECRETS_TEST_KEY", "Bearer ").reveal()).toBe("Bearer from-outside");
  });

  test("is found by its place in the schema, within records and lists too, and is not shown where it is wrong", () => {
    const nested = z.strictObject({
      headers: z.record(z.string(), secret()).default({}),
      servers: z.array(z.object({ key: secret().optional(), url: z.string() })),
      seed: z.number(),
    });
    expect(
      [["headers"], ["headers", "Authorization"], ["servers", "0", "key"], []].map((path) => holdsSecret(nested, path)),
    ).toEqual([true, true, true, true]);
    expect([["servers", "0", "url"], ["seed"], ["nothing"]].map((path) => holdsSecret(nested, path))).toEqual([
      false,
      false,
      false,
    ]);
    expect(() => parseOptions("KeyPlugin", nested, { headers: "Bearer from-outside", servers: [], seed: 1 })).toThrow(
      /^KeyPlugin: the option "headers" is \(not shown, since a secret may stand there\), allowed is record$/,
    );
  });

  test("that is in no variable is told by the variable's name", () => {
    expect(() => environment("SECRETS_TEST_KEY")).toThrow(
      "the environment variable SECRETS_TEST_KEY, which holds a secret, is not set: export SECRETS_TEST_KEY=…",
    );
  });
});
