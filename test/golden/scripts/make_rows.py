"""Rows in every kind of file, as pyarrow, pandas and Hugging Face datasets write them: one table whose values are easily changed on the way, and layouts that people have.

python make_rows.py ../cases/rows      (pyarrow 26.0.1, pandas 3.1.1, datasets 5.2.0, pillow 13.0.0)
"""
import base64
import csv
import datetime as dt
import decimal
import io
import json
import os
import pathlib
import shutil
import sys

import datasets
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
from PIL import Image

out = pathlib.Path(sys.argv[1]).absolute()
out.mkdir(parents=True, exist_ok=True)


def png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(buffer, "PNG")
    return buffer.getvalue()


# One table of values.
moment = dt.datetime(2024, 5, 1, 12, 0, 0, 123456)
answers = [decimal.Decimal("2.50"), decimal.Decimal("-0.05"), decimal.Decimal("12345678901234567890.12")]
table = pa.table({
    "prompt": pa.array(["a", "b", "c"]),
    "answer": pa.array(answers, pa.decimal128(25, 2)),
    "single": pa.array([3.14, 0.1, None], pa.float32()),
    "half": pa.array([0.1, 1.5, None], pa.float16()),
    "double": pa.array([0.1, float("nan"), 1e21]),
    "long": pa.array([9007199254740993, -1, None], pa.int64()),
    "unsigned": pa.array([18446744073709551615, 0, None], pa.uint64()),
    "wide": pa.array([decimal.Decimal("1." + "0" * 49 + "1"), decimal.Decimal("-7." + "0" * 50), None], pa.decimal256(60, 50)),
    "date": pa.array([dt.date(2024, 5, 1), dt.date(1969, 12, 31), None]),
    "second": pa.array([moment.replace(microsecond=0), None, None], pa.timestamp("s")),
    "micro": pa.array([moment, dt.datetime(1969, 12, 31, 23, 59, 59, 500000), None], pa.timestamp("us")),
    "zoned": pa.array([moment, None, None], pa.timestamp("ns", "UTC")),
    "time": pa.array([dt.time(1, 2, 3, 500000), None, None], pa.time64("us")),
    "kind": pa.array(["x", "y", "x"]).dictionary_encode(),
    "large": pa.array(["l", None, "m"], pa.large_string()),
    "list": pa.array([[3.14, None], [], None], pa.list_(pa.float32())),
    "struct": pa.array([{"f": 2.5, "d": decimal.Decimal("1.10")}, None, {"f": None, "d": None}], pa.struct([("f", pa.float32()), ("d", pa.decimal128(5, 2))])),
    "map": pa.array([[("k", 0.1)], [], None], pa.map_(pa.string(), pa.float32())),
    "flag": pa.array([True, False, None]),
    "nothing": pa.array([None, None, None], pa.string()),
})
pq.write_table(table, out / "values.parquet")
pq.write_table(table, out / "values-lz4.parquet", compression="lz4")
pq.write_table(table, out / "values-zstd-v2.parquet", compression="zstd", data_page_version="2.0", use_dictionary=False)
with pa.OSFile(str(out / "values.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
    writer.write_table(table)
with pa.OSFile(str(out / "values-lz4.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
    writer.write_table(table)
pa.feather.write_feather(pa.concat_tables([table] * 3).combine_chunks(), out / "values-zstd.feather", compression="zstd", chunksize=5)

# The columns that text can hold, as each kind of text file has them.
texts = [("a", "2.50", 3.14, 9007199254740993), ("b", "-0.05", 0.1, -1), ('c, "quoted"\nline', "12345678901234567890.12", None, None)]
names = ["prompt", "answer", "single", "long"]
for name, delimiter in [("values.csv", ","), ("values.tsv", "\t")]:
    with open(out / name, "w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(names)
        writer.writerows(texts)
with open(out / "values.jsonl", "w") as file:
    for prompt, answer, single, long in texts:
        file.write(f'{{"prompt": {json.dumps(prompt)}, "answer": {answer}, "single": {json.dumps(single)}, "long": {json.dumps(long)}}}\n')

# datasets' Json feature, in Parquet and as save_to_disk writes it.
features = datasets.Features({"prompt": datasets.Value("string"), "answer": datasets.Value("string"), "about": datasets.features.Json()})
about = [{"x": 1, "y": [1, 2.5]}, None, [True, "text"]]
own = datasets.Dataset.from_dict({"prompt": ["a", "b", "c"], "answer": ["1", "2", "3"], "about": about}, features=features)
own.to_parquet(out / "json-feature.parquet")
shutil.rmtree(out / "json-feature", ignore_errors=True)
own.save_to_disk(out / "json-feature")

# A picture by its path: to_parquet leaves the path, save_to_disk puts the picture in.
(out / "a.png").write_bytes(png("red"))
os.chdir(out)
pathlib.Path("gone.png").write_bytes(png("red"))
by_path = datasets.Dataset.from_dict({"prompt": ["How many?"], "answer": ["3"], "image": ["gone.png"]}).cast_column("image", datasets.Image())
by_path.to_parquet("picture-paths.parquet")
pathlib.Path("gone.png").unlink()

# Messages with parts, of which Arrow gives each the keys of all; a second turn; the picture in the message itself.
part = pa.struct([("type", pa.string()), ("text", pa.string()), ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())]))])
message = pa.struct([("role", pa.string()), ("content", pa.list_(part))])


def text(value: str) -> dict:
    return {"type": "text", "text": value, "image": None}


picture = {"type": "image", "text": None, "image": {"bytes": png("blue"), "path": None}}
turns = [
    {"role": "system", "content": [text("Be brief.")]},
    {"role": "user", "content": [picture, text("What colour?")]},
    {"role": "assistant", "content": [text("Blue.")]},
    {"role": "user", "content": [text("How many squares?")]},
    {"role": "assistant", "content": [text("1")]},
]
pq.write_table(pa.table({"messages": pa.array([turns], pa.list_(message)), "topic": ["shapes"]}), out / "turns.parquet")
print(sum(file.stat().st_size for file in out.rglob("*") if file.is_file()), "bytes;", base64.b64encode(png("red"))[:20])
