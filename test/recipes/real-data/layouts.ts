/** Small files in the layouts of public training data, with pictures drawn here. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parquetWriteFile } from "hyparquet-writer";
import sharp from "sharp";

const rows = Array.from({ length: 4 }, (_, row) => row);
const text = (name: string) =>
  ({ name, type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" }) as const;
const bytesAndPath = [{ name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" }, text("path")] as const;

const png = (row: number): Promise<Buffer> =>
  sharp({ create: { width: 56, height: 56, channels: 3, background: { r: 60 * row, g: 90, b: 120 } } })
    .png()
    .toBuffer();

/** TIGER-Lab/ViRL39K: 39Krelease.parquet with paths of pictures, which images.zip brings. */
export async function writeVirl39k(folder: string): Promise<void> {
  mkdirSync(join(folder, "images"), { recursive: true });
  for (const row of rows) writeFileSync(join(folder, `images/Processed-${row}.png`), await png(row));
  parquetWriteFile({
    filename: join(folder, "39Krelease.parquet"),
    columnData: [
      { name: "question", data: rows.map((row) => `<image>How many corners does shape ${row} have?`) },
      { name: "answer", data: rows.map((row) => `\\boxed{${row + 3}}`) },
      { name: "PassRate_32BTrained", data: rows.map((row) => row / 8) },
      { name: "category", data: rows.map(() => "(GradeSchool) Geometric") },
      { name: "source", data: rows.map(() => "drawn") },
      { name: "qid", data: rows.map((row) => `drawn-${row}`) },
      { name: "image", data: rows.map((row) => [`images/Processed-${row}.png`]) },
    ],
    schema: [
      { name: "root", num_children: 7 },
      text("question"),
      text("answer"),
      { name: "PassRate_32BTrained", type: "DOUBLE", repetition_type: "OPTIONAL" },
      text("category"),
      text("source"),
      text("qid"),
      { name: "image", converted_type: "LIST", repetition_type: "OPTIONAL", num_children: 1 },
      { name: "list", repetition_type: "REPEATED", num_children: 1 },
      text("element"),
    ],
  });
}

/** hiyouga/geometry3k: images, problem, answer. */
export async function writeGeometry3k(folder: string): Promise<void> {
  mkdirSync(join(folder, "data"), { recursive: true });
  const pictures = await Promise.all(rows.map(async (row) => [{ bytes: new Uint8Array(await png(row)), path: null }]));
  for (const split of ["train", "test"]) {
    parquetWriteFile({
      filename: join(folder, `data/${split}-00000-of-00001.parquet`),
      columnData: [
        { name: "images", data: pictures },
        { name: "problem", data: rows.map((row) => `<image>Find x in figure ${row}.`) },
        { name: "answer", data: rows.map((row) => `${row} \\sqrt { 2 }`) },
      ],
      schema: [
        { name: "root", num_children: 3 },
        { name: "images", converted_type: "LIST", repetition_type: "OPTIONAL", num_children: 1 },
        { name: "list", repetition_type: "REPEATED", num_children: 1 },
        { name: "element", repetition_type: "OPTIONAL", num_children: 2 },
        ...bytesAndPath,
        text("problem"),
        text("answer"),
      ],
    });
  }
}

/** FanqingM/MMK12: id, question, answer, subject, image. */
export async function writeMmk12(folder: string): Promise<void> {
  mkdirSync(join(folder, "data"), { recursive: true });
  const pictures = await Promise.all(
    rows.map(async (row) => ({ bytes: new Uint8Array(await png(row)), path: `${row}.png` })),
  );
  for (const split of ["train", "test"]) {
    parquetWriteFile({
      filename: join(folder, `data/${split}-00000-of-00001.parquet`),
      columnData: [
        { name: "id", data: rows.map((row) => `${split}-${row}`) },
        { name: "question", data: rows.map((row) => `What does part ${row} show?`) },
        { name: "answer", data: rows.map((row) => "ABCD"[row]!) },
        { name: "subject", data: rows.map((row) => ["math", "physics", "chemistry", "biology"][row]!) },
        { name: "image", data: pictures },
      ],
      schema: [
        { name: "root", num_children: 5 },
        text("id"),
        text("question"),
        text("answer"),
        text("subject"),
        { name: "image", repetition_type: "OPTIONAL", num_children: 2 },
        ...bytesAndPath,
      ],
    });
  }
}
