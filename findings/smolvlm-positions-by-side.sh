#!/usr/bin/env bash
# SmolVLM's tower gives two rows of patches one position, where the picture has exactly the size the tower was built for.
#
# transformers 5.23.0 with torch 2.15.0: SmolVLMVisionEmbeddings finds a patch's position by putting its fractional coordinate into
# float32 boundaries (bucketize). For a picture of n × n patches in a tower of n × n positions one expects 0 … n²−1 in order. So it is
# at the published sides 27 and 32; at 17 of the sides from 2 to 64, 19, 25, 29, 31 and 50 among them, the rounding of the boundaries
# puts some rows and columns into the bucket before. Whoever trains a tower of such a side, or writes the positions down as 0 … n²−1,
# as exports do, has another model.
#
# Seen: sides whose positions are not in order: 19 25 29 31 38 40 41 43 47 49 50 54 55 58 59 61 62
#       side 25: rows 5 9 10 11 12 13 15 18 20 23 have another row's positions; sides 27 and 32 are in order
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-cache-dir transformers==5.23.0 torch==2.15.0
cat >"$work/positions.py" <<'PYTHON'
import torch
import transformers
from transformers.models.smolvlm.configuration_smolvlm import SmolVLMVisionConfig
from transformers.models.smolvlm.modeling_smolvlm import SmolVLMVisionEmbeddings


def positions(side):
    config = SmolVLMVisionConfig(hidden_size=4, num_attention_heads=1, image_size=2 * side, patch_size=2, num_channels=3)
    tower, seen = SmolVLMVisionEmbeddings(config), []
    tower.position_embedding.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    tower(torch.zeros(1, 3, 2 * side, 2 * side), torch.ones(1, side, side, dtype=torch.bool))
    return seen[0][0].reshape(side, side)


wrong = {}
for side in range(2, 65):
    rows = (positions(side)[:, 0] // side).tolist()
    changed = [row for row in range(side) if rows[row] != row]
    if changed:
        wrong[side] = changed
print("transformers", transformers.__version__, "torch", torch.__version__)
print("sides whose positions are not in order:", *wrong)
print("side 25: rows", *wrong.get(25, []), "have another row's positions")
assert [*wrong] == [19, 25, 29, 31, 38, 40, 41, 43, 47, 49, 50, 54, 55, 58, 59, 61, 62]
assert wrong[25] == [5, 9, 10, 11, 12, 13, 15, 18, 20, 23]
PYTHON
"$work/venv/bin/python" "$work/positions.py"
