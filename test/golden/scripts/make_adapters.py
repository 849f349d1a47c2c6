"""Adapters as PEFT saves them, for the committed model `tiny`, and what they give: log-probs beside the base and merged, gradients, greedy tokens.

usage: make_adapters.py <cases>      torch 2.15.0, transformers 5.23.0, peft 0.21.2; writes <cases>/lora/adapters/<name>/ and <cases>/lora/<name>.json|safetensors
"""
import json
import os
import shutil
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText

torch.set_num_threads(2)
CASES = sys.argv[1]
BASE = f"{CASES}/models/tiny"
NEW_TOKENS = 16
ADAPTERS = {
    # Ranks and alphas of their own for some modules, and layers left out.
    "patterns": dict(r=2, lora_alpha=4, target_modules=["q_proj", "v_proj", "down_proj"], layers_to_transform=[1, 2],
                     rank_pattern={"v_proj": 3}, alpha_pattern={r"layers\.2\.self_attn\.v_proj": 9}, lora_dropout=0.1),
    # The vision tower with it, scaled by the root of the rank.
    "vision": dict(r=2, lora_alpha=3, use_rslora=True, exclude_modules=["gate_proj", "up_proj"],
                   target_modules=r".*(layers\.3\.(self_attn|mlp)\.\w+_proj|visual\.blocks\.[13]\.(attn\.(qkv|proj)|mlp\.\w+_proj)|merger\.mlp\.(0|2))"),
}


def base_model(dtype):
    return AutoModelForImageTextToText.from_pretrained(BASE, dtype=torch.float32, attn_implementation="eager").eval().to(dtype)


def log_probs(model, case, dtype):
    pictures = {} if "pixel_values" not in case else dict(pixel_values=case["pixel_values"].to(dtype), image_grid_thw=case["image_grid_thw"].long())
    inputs = {name: case[name].long() for name in ("input_ids", "attention_mask", "position_ids")}
    completion = case["completion_ids"].long()
    logits = model(**inputs, **pictures, use_cache=False).logits[:, inputs["input_ids"].shape[1] - completion.shape[1] - 1:-1]
    return torch.log_softmax(logits, -1).gather(-1, completion[..., None])[..., 0] * case["completion_mask"], case["completion_mask"].sum()


def greedy(model, case):
    """By whole passes, so that no cache takes part; positions go on by one from the prompt's last."""
    length = case["input_ids"].shape[1] - case["completion_ids"].shape[1]
    ids, mask, positions = (case[name].long()[..., :length] for name in ("input_ids", "attention_mask", "position_ids"))
    pictures = {} if "pixel_values" not in case else dict(pixel_values=case["pixel_values"], image_grid_thw=case["image_grid_thw"].long())
    for _ in range(NEW_TOKENS):
        with torch.no_grad():
            logits = model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False, **pictures).logits[:, -1]
        ids = torch.cat([ids, logits.argmax(-1, keepdim=True)], 1)
        mask = torch.cat([mask, torch.ones_like(mask[:, :1])], 1)
        positions = torch.cat([positions, positions.amax((0, 2), keepdim=True).expand(3, -1, 1) + 1], 2)
    return ids[:, length:].tolist()


for number, (name, options) in enumerate(ADAPTERS.items()):
    folder = f"{CASES}/lora/adapters/{name}"
    shutil.rmtree(folder, ignore_errors=True)
    model = get_peft_model(base_model(torch.float32), LoraConfig(task_type="CAUSAL_LM", **options))
    generator = torch.Generator().manual_seed(31 + number)
    with torch.no_grad():
        for parameter in (p for p in model.parameters() if p.requires_grad):
            parameter.copy_(0.15 * torch.randn(parameter.shape, generator=generator))
    model.peft_config["default"].base_model_name_or_path = "models/tiny"
    model.save_pretrained(folder)
    if os.path.exists(f"{folder}/README.md"):
        os.remove(f"{folder}/README.md")
    info, tensors = {"adapter": name, "cases": {}}, {}
    for case_name in ("p0_text", "p2_two_images"):
        case = load_file(f"{CASES}/models/tiny.{case_name}.safetensors")
        values = info["cases"][case_name] = {}
        for suffix, dtype in (("f32", torch.float32), ("f64", torch.float64)):
            adapted = PeftModel.from_pretrained(base_model(torch.float32), folder, is_trainable=True).eval().to(dtype)
            lp, count = log_probs(adapted, case, dtype)
            (-lp.sum() / count).backward()
            grads = {n.replace(".default", ""): p.grad for n, p in adapted.named_parameters() if p.requires_grad and p.grad is not None}
            values[f"grad_norms_{suffix}"] = {n: g.norm().item() for n, g in grads.items() if g.norm() > 0}
            merged = PeftModel.from_pretrained(base_model(torch.float32), folder).eval().to(dtype).merge_and_unload()
            with torch.no_grad():
                tensors[f"{case_name}.logps_merged.{suffix}"] = log_probs(merged, case, dtype)[0].contiguous()
            tensors[f"{case_name}.logps.{suffix}"] = lp.detach().contiguous()
            if suffix == "f32" and "pixel_values" in case:
                values["greedy_ids"] = greedy(merged, case)
            if case_name == "p2_two_images":
                for n in [n for n in grads if "layers.2.self_attn.v_proj" in n or "visual.blocks.3.attn.qkv" in n]:
                    tensors[f"{case_name}.grad.{n}.{suffix}"] = grads[n].contiguous()
    json.dump(info, open(f"{CASES}/lora/{name}.json", "w"), indent=1)
    save_file(tensors, f"{CASES}/lora/{name}.safetensors")
    print(name, "saved", flush=True)
