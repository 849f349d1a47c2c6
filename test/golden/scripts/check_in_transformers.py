"""Log-probs that transformers gives for a folder this project wrote, one line a completion token.

usage: python check_in_transformers.py <model folder> <case> [<tolerance>]

<case> is a JSON file: {"prompt": "...", "images": ["picture.png", ...], "completion": [ids], "logProbs": [optional, ours]}; `<image>` in
the prompt marks the pictures' places (in front of the text where there are fewer marks). Pictures lie beside the file. With `logProbs` the
largest difference is printed, and the exit status is 1 where it exceeds the tolerance (default 2e-5).
"""
import json
import os
import sys

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor


def content(prompt, count):
    pieces = prompt.split("<image>")
    parts = [{"type": "image"}] * (count - len(pieces) + 1)
    for i, piece in enumerate(pieces):
        parts = parts + ([{"type": "image"}] if i else []) + ([{"type": "text", "text": piece}] if piece else [])
    return parts


def main(folder, path, tolerance="2e-5"):
    with open(path) as file:
        case = json.load(file)
    processor = AutoProcessor.from_pretrained(folder)
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    images = [Image.open(os.path.join(os.path.dirname(path), name)) for name in case["images"]]
    text = processor.apply_chat_template([{"role": "user", "content": content(case["prompt"], len(images))}], tokenize=False, add_generation_prompt=True)
    kinds = {"return_mm_token_type_ids": True} if "mm_token_type_ids" in processor.model_input_names or model.config.model_type.startswith("qwen") else {}
    encoded = processor(text=[text], images=images or None, return_tensors="pt", **kinds)
    completion = torch.tensor([case["completion"]])
    start = encoded["input_ids"].shape[1]
    encoded["input_ids"] = torch.cat([encoded["input_ids"], completion], 1)
    encoded["attention_mask"] = torch.ones_like(encoded["input_ids"])
    # Without the kinds of tokens transformers refuses, or (Qwen2.5-VL) silently takes one-dimensional positions.
    if kinds:
        encoded["mm_token_type_ids"] = torch.cat([encoded["mm_token_type_ids"], torch.zeros_like(completion)], 1)
    with torch.no_grad():
        logits = model(**encoded, use_cache=False).logits[:, start - 1:-1]
    log_probs = logits.log_softmax(-1).gather(-1, completion[..., None]).flatten().tolist()
    print(json.dumps({"promptTokens": start, "logProbs": log_probs}))
    if "logProbs" in case:
        difference = max(abs(a - b) for a, b in zip(log_probs, case["logProbs"], strict=True))
        print(f"largest difference {difference:.2e}")
        sys.exit(difference > float(tolerance))


main(*sys.argv[1:])
