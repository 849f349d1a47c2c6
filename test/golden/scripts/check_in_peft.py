"""Adapters that write-trained-adapter.ts wrote, loaded by PEFT: log-probs beside the base and merged, and which modules PEFT adapts.

usage: check_in_peft.py <folder> ...      exits with 1 when a log-prob differs by more than 2e-5; torch 2.15.0, transformers 5.23.0, peft 0.21.2
"""
import json
import sys

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText

torch.set_num_threads(2)
failed = False
for folder in sys.argv[1:]:
    want = json.load(open(f"{folder}/scores.json"))
    base = AutoModelForImageTextToText.from_pretrained(want["base"], dtype=torch.float32, attn_implementation="eager").eval()
    model = PeftModel.from_pretrained(base, f"{folder}/adapter").eval()
    stored = load_file(f"{folder}/adapter/adapter_model.safetensors")
    made = {name.replace(".default", "") for name, _ in model.named_parameters() if "lora_" in name}
    ids = torch.tensor([want["prompt"] + want["response"]])
    differences = []
    for loaded in (model, model.merge_and_unload()):
        with torch.no_grad():
            logits = loaded(input_ids=ids, use_cache=False).logits[0, len(want["prompt"]) - 1:-1]
        lp = torch.log_softmax(logits, -1).gather(-1, torch.tensor(want["response"])[:, None])[:, 0]
        differences.append((lp - torch.tensor(want["logProbs"])).abs().max().item())
    good = max(differences) <= 2e-5 and made == set(stored)
    failed |= not good
    print(folder, "log-probs differ by", differences, "modules equal" if made == set(stored) else f"modules differ: {sorted(made ^ set(stored))[:4]}", flush=True)
sys.exit(failed)
