#!/usr/bin/env bash
# A grey AVIF picture of limited range has other grey levels in sharp than in Pillow, by up to 20 of 255.
#
# sharp 0.35.5 (libheif 1.23.5) and Pillow 13.0.0. AV1 pictures may hold values of a limited range, where 16 is black and
# 235 white, and say so. Both read such a colour picture alike, spread over 0 to 255, to one level; of a grey one sharp
# gives 16 to 235 as they are, so that black is 16. A data set of grey scans or charts is darker and brighter by what reads
# it, in Python for one training and in Node for another, and nothing warns.
#
# Seen: grey, limited range: most 20 grey levels apart; the darkest 0 in Pillow, 16 in sharp
#       grey, full range: 0 apart; colour, full range: 0; colour, limited range: 1
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-cache-dir pillow==13.0.0
(cd "$work" && npm init --yes >/dev/null && npm install --silent --ignore-scripts --no-audit --no-fund sharp@0.35.5)
cat >"$work/write.py" <<'PYTHON'
import sys

import PIL
from PIL import Image

folder = sys.argv[1]
grey = Image.frombytes("L", (64, 4), bytes(range(0, 256, 4)) * 4)
colour = Image.merge("RGB", (grey, grey, grey))
for name, picture, subsampling in (("grey", grey, "4:0:0"), ("colour", colour, "4:4:4")):
    for kind in ("full", "limited"):
        path = f"{folder}/{name}-{kind}.avif"
        picture.save(path, quality=100, subsampling=subsampling, range=kind)
        values = Image.open(path).convert("L").crop((0, 0, 64, 1)).tobytes()
        print(name, kind, *values)
print("Pillow", PIL.__version__, file=sys.stderr)
PYTHON
cat >"$work/read.mjs" <<'JS'
import { readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";

const folder = process.argv[2];
console.log(`sharp ${sharp.versions.sharp}, libheif ${sharp.versions.heif}`);
const found = {};
for (const line of readFileSync(join(folder, "pillow.txt"), "utf8").trim().split("\n")) {
  const [name, kind, ...values] = line.split(" ");
  const { data, info } = await sharp(join(folder, `${name}-${kind}.avif`)).removeAlpha().toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
  const own = values.map((_, column) => data[column * info.channels]);
  found[`${name}, ${kind}`] = Math.max(...own.map((value, column) => Math.abs(value - Number(values[column]))));
  console.log(`${name}, ${kind} range: most ${found[`${name}, ${kind}`]} grey levels apart; the darkest ${values[0]} in Pillow, ${own[0]} in sharp`);
}
const others = ["grey, full", "colour, full", "colour, limited"];
if (found["grey, limited"] !== 20 || others.some((name) => found[name] > 1)) process.exit(1);
JS
"$work/venv/bin/python" "$work/write.py" "$work" >"$work/pillow.txt"
(cd "$work" && node read.mjs "$work")
