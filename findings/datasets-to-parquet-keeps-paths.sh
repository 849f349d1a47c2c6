#!/usr/bin/env bash
# A Parquet file that Hugging Face datasets writes of pictures holds no pictures.
#
# datasets 5.2.0 with pyarrow 26.0.1, Pillow 13.0.0: `Dataset.to_parquet` stores {"bytes": null, "path": "…/a.png"} for a picture
# given by its path, and for one that was opened from a file too; lists of pictures likewise. The file then depends on a path of the
# machine that wrote it. `save_to_disk` of the same dataset embeds the bytes and shortens the path to the file's name. Pictures
# that were made in memory are embedded by both.
#
# Seen:
#   by path: to_parquet bytes None, path as given; save_to_disk bytes embedded, path a.png
#   opened from a file: to_parquet bytes None
#   a list: to_parquet bytes None
#   made in memory: to_parquet bytes embedded
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet datasets==5.2.0 pyarrow==26.0.1 pillow==13.0.0
cd "$work"
export HF_HOME="$work/hf" HF_DATASETS_DISABLE_PROGRESS_BARS=1
cat >write.py <<'PYTHON'
import glob
import importlib.metadata
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset, Features, Image, List
from PIL import Image as Picture

print("datasets", importlib.metadata.version("datasets"))
place = str(pathlib.Path("a.png").resolve())
Picture.new("RGB", (8, 8), "red").save(place)
one, several = Features({"image": Image()}), Features({"image": List(Image())})


def in_parquet(dataset):
    dataset.to_parquet("out.parquet")
    return pq.read_table("out.parquet").to_pylist()[0]["image"]


by_path = Dataset.from_dict({"image": [place]}, features=one)
stored = in_parquet(by_path)
by_path.save_to_disk("disk")
on_disk = pa.ipc.open_stream(glob.glob("disk/*.arrow")[0]).read_all().to_pylist()[0]["image"]
print("by path: to_parquet bytes", stored["bytes"], "path as given" if stored["path"] == place else stored["path"])
print("by path: save_to_disk bytes", "embedded" if on_disk["bytes"] else None, "path", on_disk["path"])
opened = in_parquet(Dataset.from_dict({"image": [Picture.open(place)]}, features=one))
print("opened from a file: to_parquet bytes", opened["bytes"])
listed = in_parquet(Dataset.from_dict({"image": [[place]]}, features=several))[0]
print("a list: to_parquet bytes", listed["bytes"])
made = in_parquet(Dataset.from_dict({"image": [Picture.new("RGB", (8, 8), "blue")]}, features=one))
print("made in memory: to_parquet bytes", "embedded" if made["bytes"] else None)

assert stored == {"bytes": None, "path": place}
assert on_disk["bytes"] and on_disk["path"] == "a.png"
assert opened["bytes"] is None and listed["bytes"] is None
assert made["bytes"]
PYTHON
"$work/venv/bin/python" write.py
