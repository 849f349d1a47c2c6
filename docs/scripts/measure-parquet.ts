/**
 * A Parquet file of 50,000 rows with pictures: seconds until the first rows, rows a second, and growth of resident
 * memory over a whole shuffled pass. `node --import tsx docs/scripts/measure-parquet.ts [rows in a row group]`. The
 * file (about 300 MB) is written into a temporary folder and removed.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parquetWriteFile } from "hyparquet-writer";
import sharp from "sharp";
import { createRandom, openData } from "@papo/core";
import { createRowOrder } from "../../core/data/row-order.ts";

const count = 50_000;

async function write(file: string, rowGroupSize: number): Promise<void> {
  const random = createRandom(1);
  // Distinct JPEGs of noise, about 6 KB each: a few hundred, told apart by a comment at their end.
  const pictures = await Promise.all(
    Array.from({ length: 200 }, (_, index) => {
      const draws = random.key(index);
      return sharp(Buffer.from(Array.from({ length: 112 * 112 }, (__, at) => 256 * draws.uniform(at))), {
        raw: { width: 112, height: 112, channels: 1 },
      })
        .jpeg({ quality: 60 })
        .toBuffer();
    }),
  );
  const rows = Array.from({ length: count }, (_, row) => row);
  parquetWriteFile({
    filename: file,
    columnData: [
      { name: "prompt", data: rows.map((row) => `<image> What is number ${row}?`), type: "STRING" },
      { name: "answer", data: rows.map(String), type: "STRING" },
      {
        name: "images",
        data: rows.map((row) => Buffer.concat([pictures[row % pictures.length]!, Buffer.from(String(row))])),
        type: "BYTE_ARRAY",
      },
    ],
    rowGroupSize,
  });
}

async function read(file: string): Promise<void> {
  const before = performance.now();
  const dataset = await openData(file);
  const order = createRowOrder(dataset, createRandom(2));
  await order.next();
  const started = (performance.now() - before) / 1000;
  const start = process.memoryUsage().rss;
  let [largest, bytes] = [0, 0];
  for (let index = 1; index < dataset.size; index++) {
    const { images } = await order.next();
    bytes += (images[0] as { bytes: Uint8Array }).bytes.length;
    if (index % 500 === 0) largest = Math.max(largest, process.memoryUsage().rss);
  }
  const seconds = (performance.now() - before) / 1000 - started;
  console.log(
    `${dataset.size} rows, ${(bytes / 1e6).toFixed(0)} MB of pictures in a file of ${(statSync(file).size / 1e6).toFixed(0)} MB`,
  );
  console.log(
    `first row after ${started.toFixed(2)} s; ${Math.round(dataset.size / seconds)} rows a second; resident memory grew by at most ${((largest - start) / 2 ** 20).toFixed(0)} MB`,
  );
}

const [first, file] = process.argv.slice(2);
if (first === "--write") await write(file!, Number(process.argv[4]));
else if (first === "--read") await read(file!);
else {
  const folder = mkdtempSync(join(tmpdir(), "parquet-"));
  const own = (...args: readonly string[]): void =>
    void spawnSync(process.execPath, ["--import", "tsx", fileURLToPath(import.meta.url), ...args], {
      stdio: "inherit",
    });
  try {
    own("--write", join(folder, "rows.parquet"), first ?? "1000");
    own("--read", join(folder, "rows.parquet"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
