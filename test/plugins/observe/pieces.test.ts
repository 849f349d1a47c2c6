import { describe, expect, it } from "vitest";
import { piecesOf } from "../../../plugins/observe/pieces.ts";

/** One byte per token; 0 is special and left out. */
const bytes = (tokens: Int32Array): string =>
  new TextDecoder().decode(Uint8Array.from(tokens).filter((byte) => byte !== 0));
/** One word per token, joined by spaces. */
const words = (tokens: Int32Array): string =>
  [...tokens].map((token) => ["<s>", "two", "red", "cats"][token]).join(" ");

describe("piecesOf", () => {
  it("gives a character of several bytes to its last token, and nothing to a special one", () => {
    expect(piecesOf(Int32Array.from([97, 0xe2, 0x82, 0xac, 0, 98]), bytes)).toEqual(["a", "", "", "€", "", "b"]);
  });

  it("keeps the spaces that a decoder puts between words", () => {
    expect(piecesOf(Int32Array.of(1, 2, 3), words)).toEqual(["two", " red", " cats"]);
  });

  it("takes a list as it is", () => {
    expect(piecesOf(Int32Array.of(1, 2), () => ["a", "b"])).toEqual(["a", "b"]);
  });

  it("adds up to the text, however long", () => {
    const tokens = Int32Array.from({ length: 300 }, (_, at) => 1 + (at % 3));
    expect(piecesOf(tokens, words).join("").replaceAll(" ", "")).toBe(words(tokens).replaceAll(" ", ""));
    expect(piecesOf(Int32Array.of(), words)).toEqual([]);
  });
});
