/** A reader as libraries are on damaged files: rows say what it does when it reads them. */
import { linesOf } from "../../../../core/data/formats/lines.ts";
import { openTextFile, type TextFormat, type TextOptions } from "../../../../core/data/formats/records.ts";

const deeds: Readonly<Record<string, () => void>> = {
  sleeps: () => {
    for (;;);
  },
  grows: () => {
    for (const held: Uint8Array[] = []; ;) held.push(new Uint8Array(2 ** 24).fill(1));
  },
  aborts: () => process.abort(),
  throws: () => (undefined as unknown as { body: () => void }).body(),
};

export async function open(path: string, options: TextOptions, passOver?: Readonly<Record<string, string>>) {
  // A deed is done at once, while the file is opened, or later, when its row is asked for.
  let opened = false;
  const record = (text: string): unknown => {
    const [prompt = "", when] = text.split("|");
    if (when === (opened ? "later" : "at once")) deeds[prompt]!();
    return { id: text, prompt, answer: "1" };
  };
  const format: TextFormat = {
    record,
    async *entries(file) {
      for await (const lines of linesOf(file)) {
        yield lines.map(({ number, start, length, text }) => ({
          entry: { place: `line ${number}`, id: text, source: { start, length } },
          read: () => record(text),
        }));
      }
    },
  };
  const dataset = await openTextFile(path, format, options, {
    who: "hostile",
    ...(passOver === undefined ? {} : { passOver }),
  });
  opened = true;
  return dataset;
}
