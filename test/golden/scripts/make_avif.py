"""What Pillow reads from AVIF pictures that the project reads too (needs Pillow of 11.3 or later, and numpy).

python make_avif.py writes ../cases/avif.json: the files in base64, and their values as RGB, [height, width, 3].
"""
import base64
import io
import json
import pathlib

import numpy
import PIL
from PIL import Image

HEIGHT, WIDTH = 16, 20
rows, columns = numpy.mgrid[0:HEIGHT, 0:WIDTH]
smooth = numpy.stack([columns * 9, rows * 12, 255 - columns * 5 - rows * 4], axis=-1)
noise = numpy.random.default_rng(7).integers(0, 256, (HEIGHT, WIDTH, 3))
edges = numpy.where(((rows // 4 + columns // 4) % 2 == 0)[..., None], (255, 30, 0), (0, 90, 255))


def case(name, values, mode="RGB", matrix=None, unsaid=False, **options):
    """matrix: the number that the file's colour box gives in place of its own; unsaid: a file without that box."""
    picture = Image.fromarray(values.astype(numpy.uint8)).convert(mode)
    file = io.BytesIO()
    picture.save(file, "AVIF", **options)
    data = bytearray(file.getvalue())
    at = data.index(b"colrnclx")
    if matrix is not None:
        data[at + 13] = matrix
    if unsaid:
        data[at : at + 4] = b"free"
    read = numpy.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    return {"name": name, "file": base64.b64encode(data).decode(), "shape": list(read.shape), "values": read.flatten().tolist()}


full = {"subsampling": "4:4:4"}
cases = [
    case("4:4:4, smooth", smooth, quality=90, **full),
    case("4:4:4, edges", edges, quality=60, **full),
    case("4:4:4, noise", noise, quality=90, **full),
    case("4:4:4, lossless", noise, quality=100, **full),
    *(case(f"4:4:4, matrix {matrix}", smooth, quality=90, matrix=matrix, **full) for matrix in (0, 1, 9)),
    case("4:4:4, no colour box", smooth, quality=90, unsaid=True, **full),
    case("grey, no colour box", noise, mode="L", quality=90, subsampling="4:0:0", unsaid=True),
    case("4:4:4, limited range, no colour box", smooth, quality=90, unsaid=True, range="limited", **full),
    case("grey, limited range, no colour box", noise, mode="L", quality=90, subsampling="4:0:0", unsaid=True, range="limited"),
    case("grey", noise, mode="L", quality=90, subsampling="4:0:0"),
    case("grey, limited range", noise, mode="L", quality=90, subsampling="4:0:0", range="limited"),
    case("4:4:4, noise, limited range", noise, quality=80, range="limited", **full),
    case("4:2:0, edges", edges, quality=90, subsampling="4:2:0"),
    case("4:2:2, edges", edges, quality=90, subsampling="4:2:2"),
]
file = pathlib.Path(__file__).parent.parent / "cases" / "avif.json"
file.write_text(json.dumps({"pillow": PIL.__version__, "cases": cases}, separators=(",", ":")) + "\n", encoding="utf-8")
