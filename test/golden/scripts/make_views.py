"""Golden values of dropped visual tokens and of picture similarity, by transformers, in fp32.

usage: python make_views.py <cases folder>

Writes <cases folder>/views.json from models/tiny and its cases. A dropped token is one that attention masks for everybody while positions
are those of the whole prompt. Similarity: cosine of a completion token's last hidden state (after the final norm) with the
mean last hidden state of the prompt's visual tokens that are not dropped.
"""
import json
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText

torch.set_num_threads(1)
folder = sys.argv[1]
model = AutoModelForImageTextToText.from_pretrained(f"{folder}/models/tiny", dtype=torch.float32, attn_implementation="eager").eval()
image = model.config.image_token_id
out = []
for case in ("p1_one_image", "p2_two_images"):
    tensors = load_file(f"{folder}/models/tiny.{case}.safetensors")
    with open(f"{folder}/models/tiny.{case}.json") as file:
        prompt = json.load(file)["prompt_len"]
    ids, grid = tensors["input_ids"].long(), tensors.get("image_grid_thw")
    visual = (ids[0] == image).nonzero().flatten()
    random = torch.Generator().manual_seed(7)
    for name, flags in {"none": torch.zeros(len(visual)), "some": (torch.rand(len(visual), generator=random) < 0.5).float(), "all": torch.ones(len(visual))}.items():
        mask = torch.ones_like(ids)
        mask[0, visual[flags == 1]] = 0
        with torch.no_grad():
            result = model(input_ids=ids, attention_mask=mask, position_ids=tensors["position_ids"].long(), pixel_values=tensors["pixel_values"].float(),
                           image_grid_thw=grid.long(), output_hidden_states=True)
        hidden, logits = result.hidden_states[-1][0], result.logits[0]
        logps = logits.log_softmax(-1)[prompt - 1 : -1].gather(1, ids[0, prompt:, None])[:, 0]
        kept = visual[flags == 0]
        mean = hidden[kept].mean(0) if len(kept) else torch.zeros(hidden.shape[1])
        similarity = torch.nn.functional.cosine_similarity(hidden[prompt:], mean[None], dim=1)
        out.append(dict(model="tiny", case=case, name=name, dropped=flags.int().tolist(), logps=logps.tolist(), similarity=similarity.tolist()))
with open(f"{folder}/views.json", "w") as file:
    json.dump(out, file)
