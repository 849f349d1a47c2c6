"""Adapters as PEFT saves them, for committed models of every family, and what they give: log-probs beside the base and
merged, gradients of the factors, greedy tokens.

usage: make_adapters.py <cases> [adapter ...]

torch 2.15.0, transformers 5.23.0, peft 0.21.2; num2words for SmolVLM and Idefics3. Writes
<cases>/lora/adapters/<name>/ and <cases>/lora/<name>.json|safetensors, of all adapters where none is named. Cases
without pixels get them from <cases>/images by the base's own processor.
"""
import json
import os
import shutil
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText, AutoProcessor

torch.set_num_threads(2)
CASES, *CHOSEN = sys.argv[1:]
NEW_TOKENS = 16
TINY = dict(base="tiny", cases=["p0_text", "p2_two_images"],
            whole=["layers.2.self_attn.v_proj", "visual.blocks.3.attn.qkv"])
TOWER = dict(r=2, lora_alpha=3, use_rslora=True)
TILED = dict(whole=["text_model.layers.1.self_attn.v_proj", "modality_projection"], options=dict(
    **TOWER, target_modules=r".*(text_model\.layers\.1\.(self_attn|mlp)\.\w+_proj|modality_projection\.proj"
                            r"|vision_model\.encoder\.layers\.1\.(self_attn\.\w+|mlp\.fc[12]))"))
ADAPTERS = {
    # Ranks and alphas of their own for some modules, and layers left out.
    "patterns": dict(**TINY, options=dict(
        r=2, lora_alpha=4, target_modules=["q_proj", "v_proj", "down_proj"], layers_to_transform=[1, 2],
        rank_pattern={"v_proj": 3}, alpha_pattern={r"layers\.2\.self_attn\.v_proj": 9}, lora_dropout=0.1)),
    # The vision tower with it, scaled by the root of the rank.
    "vision": dict(**TINY, options=dict(
        **TOWER, exclude_modules=["gate_proj", "up_proj"],
        target_modules=r".*(layers\.3\.(self_attn|mlp)\.\w+_proj|visual\.blocks\.[13]\.(attn\.(qkv|proj)|mlp\.\w+_proj)"
                       r"|merger\.mlp\.(0|2))")),
    # The same of the other families, each with its own names of the tower's modules and of what leads to the decoder.
    "qwen2_vl": dict(base="qwen2_vl", whole=["layers.1.self_attn.v_proj", "visual.blocks.1.attn.qkv"], options=dict(
        **TOWER, target_modules=r".*(layers\.1\.(self_attn|mlp)\.\w+_proj|merger\.mlp\.(0|2)"
                                r"|visual\.blocks\.1\.(attn\.(qkv|proj)|mlp\.fc[12]))")),
    # Its features go to layers of the decoder too, by mergers of their own; queries and keys are normalised.
    "qwen3_vl": dict(
        base="qwen3_vl", whole=["layers.1.self_attn.q_proj", "deepstack_merger_list.1.linear_fc1"],
        options=dict(**TOWER, target_modules=r".*(layers\.[01]\.(self_attn|mlp)\.\w+_proj"
                     r"|visual\.blocks\.[02]\.(attn\.(qkv|proj)|mlp\.linear_fc[12])"
                     r"|merger\.linear_fc[12]|deepstack_merger_list\.1\.linear_fc[12])")),
    "smolvlm": dict(base="smolvlm", **TILED),
    "idefics3": dict(base="idefics3", **TILED),
}


def base_model(base):
    # Eager attention of padded rows is no number in fp64, where nothing may be seen; the cases of "tiny" have none.
    attention = "eager" if base == "tiny" else "sdpa"
    path = f"{CASES}/models/{base}"
    return AutoModelForImageTextToText.from_pretrained(path, dtype=torch.float32, attn_implementation=attention).eval()


def read_case(base, name):
    """Tensors of a case, and what the model gets of its pictures."""
    case = load_file(f"{CASES}/models/{base}.{name}.safetensors")
    if "pixel_values" in case:
        return case, dict(pixel_values=case["pixel_values"], image_grid_thw=case["image_grid_thw"].long())
    with open(f"{CASES}/models/{base}.{name}.json") as file:
        info = json.load(file)
    files = [[part["image"] for part in row if part["type"] == "image"] for row in info["messages"]]
    if not any(files):
        return case, {}
    nested = [[Image.open(f"{CASES}/images/{file}") for file in row] for row in files]
    images = [image for row in nested for image in row] if base.startswith("qwen") else nested
    processor = AutoProcessor.from_pretrained(f"{CASES}/models/{base}")
    encoded = processor(text=info["texts"], images=images, padding=True, padding_side="left", return_tensors="pt")
    prompts = case["input_ids"][:, :info["prompt_len"]]
    assert encoded["input_ids"].tolist() == prompts.tolist(), f"{base}: the processor gives other tokens than the case"
    names = ("pixel_values", "image_grid_thw", "pixel_attention_mask")
    return case, {key: encoded[key] for key in names if key in encoded}


def cast(pictures, dtype):
    return {key: value.to(dtype) if value.is_floating_point() else value for key, value in pictures.items()}


def fed_positions(model, positions):
    """Three a token, or one where the family has one."""
    return positions if model.config.model_type.startswith("qwen") else positions[0]


def log_probs(model, case, pictures, dtype):
    ids, mask, positions = (case[name].long() for name in ("input_ids", "attention_mask", "position_ids"))
    completion = case["completion_ids"].long()
    fed = dict(input_ids=ids, attention_mask=mask, position_ids=fed_positions(model, positions))
    fed |= cast(pictures, dtype)
    logits = model(**fed, use_cache=False).logits[:, ids.shape[1] - completion.shape[1] - 1:-1]
    chosen = torch.log_softmax(logits, -1).gather(-1, completion[..., None])[..., 0]
    return chosen * case["completion_mask"], case["completion_mask"].sum()


def greedy(model, case, pictures):
    """By whole passes, so that no cache takes part; positions go on by one from each row's last of the prompt."""
    length = case["input_ids"].shape[1] - case["completion_ids"].shape[1]
    ids, mask, positions = (case[name].long()[..., :length] for name in ("input_ids", "attention_mask", "position_ids"))
    margin = float("inf")
    for _ in range(NEW_TOKENS):
        with torch.no_grad():
            fed = dict(input_ids=ids, attention_mask=mask, position_ids=fed_positions(model, positions), **pictures)
            logits = model(**fed, use_cache=False).logits[:, -1]
        top = logits.topk(2, -1).values
        margin = min(margin, (top[:, 0] - top[:, 1]).min().item())
        ids = torch.cat([ids, logits.argmax(-1, keepdim=True)], 1)
        mask = torch.cat([mask, torch.ones_like(mask[:, :1])], 1)
        positions = torch.cat([positions, positions.amax((0, 2))[None, :, None].expand(3, -1, 1) + 1], 2)
    # Tests ask for the same tokens.
    assert margin > 2e-4, f"two tokens are as good as equally likely, {margin} apart: take another seed"
    return ids[:, length:].tolist()


for number, (name, adapter) in enumerate(ADAPTERS.items()):
    if CHOSEN and name not in CHOSEN:
        continue
    folder, base = f"{CASES}/lora/adapters/{name}", adapter["base"]
    shutil.rmtree(folder, ignore_errors=True)
    model = get_peft_model(base_model(base), LoraConfig(task_type="CAUSAL_LM", **adapter["options"]))
    generator = torch.Generator().manual_seed(31 + number)
    with torch.no_grad():
        for parameter in (p for p in model.parameters() if p.requires_grad):
            parameter.copy_(0.15 * torch.randn(parameter.shape, generator=generator))
    model.peft_config["default"].base_model_name_or_path = f"models/{base}"
    model.save_pretrained(folder)
    if os.path.exists(f"{folder}/README.md"):
        os.remove(f"{folder}/README.md")
    cases = adapter.get("cases", ["mixed"])
    info, tensors = {"adapter": name, "cases": {}}, {}
    for case_name in cases:
        case, pictures = read_case(base, case_name)
        values = info["cases"][case_name] = {}
        for suffix, dtype in (("f32", torch.float32), ("f64", torch.float64)):
            adapted = PeftModel.from_pretrained(base_model(base), folder, is_trainable=True).eval().to(dtype)
            lp, count = log_probs(adapted, case, pictures, dtype)
            (-lp.sum() / count).backward()
            learned = [(n, p.grad) for n, p in adapted.named_parameters() if p.requires_grad and p.grad is not None]
            grads = {n.replace(".default", ""): gradient for n, gradient in learned}
            assert all(g.isfinite().all() for g in [lp, *grads.values()]), f"{name}, {case_name}: NaN in {suffix}"
            values[f"grad_norms_{suffix}"] = {n: g.norm().item() for n, g in grads.items() if g.norm() > 0}
            merged = PeftModel.from_pretrained(base_model(base), folder).eval().to(dtype).merge_and_unload()
            with torch.no_grad():
                tensors[f"{case_name}.logps_merged.{suffix}"] = log_probs(merged, case, pictures, dtype)[0].contiguous()
            tensors[f"{case_name}.logps.{suffix}"] = lp.detach().contiguous()
            if suffix == "f32" and pictures:
                values["greedy_ids"] = greedy(merged, case, pictures)
            if case_name == cases[-1]:
                whole = [n for n in grads if any(part in n for part in adapter["whole"])]
                assert len(whole) >= 2, f"{name}: no gradients are kept whole"
                for n in whole:
                    tensors[f"{case_name}.grad.{n}.{suffix}"] = grads[n].contiguous()
    json.dump(info, open(f"{CASES}/lora/{name}.json", "w"), indent=1)
    save_file(tensors, f"{CASES}/lora/{name}.safetensors")
    print(name, "saved", flush=True)
