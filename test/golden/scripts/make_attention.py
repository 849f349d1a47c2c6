"""Golden values of what the decoder's attention has to do with pictures, by transformers' eager attention, in fp32 and fp64.

usage: python make_attention.py <cases folder>

Writes <cases folder>/attention.json from models/<family> and their cases. By the name of an output of the learner ("pictureAttention(-1,0)": layers;
"pictureAlignment(-1;1,2)": layers; heads): [rows, completion tokens], 0 in the padding. pictureAttention: the probability that a completion token's own
query puts on the visual tokens of its prompt, mean over heads and layers; pictureAlignment: the mean cosine of that query with their keys, both
after rotation. Gradients are those of the sum over outputs k, rows b and tokens t of cos(k + 3 b + t) times the value: the L2 norm of every
parameter's, and some whole. And log-probs of the completion tokens where text tokens do not read what they look at most: "changed", by deviations (ValueChange in
core/model/model.ts).
"""
import importlib
import json
import math
import sys

import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText, AutoProcessor

torch.set_num_threads(1)
folder = sys.argv[1]
# The module whose eager attention a family's decoder runs.
CASES = {"small.two_rows": "qwen2_5_vl", "qwen2_vl.mixed": "qwen2_vl", "qwen3_vl.mixed": "qwen3_vl", "smolvlm.mixed": "llama", "idefics3.mixed": "llama"}
OUTPUTS = ["pictureAttention(-1,0)", "pictureAttention(1;0,3)", "pictureAlignment(-1)", "pictureAlignment(0,1;1,2)"]


def changed(weights, value, deviations, visual):
    """What attention reads: above mean + deviations * std of a text token's probabilities on visual tokens the mean of their values."""
    heads = weights.shape[1]
    seen = ((weights > 1e-8) & visual[:, None, None, :]).to(weights.dtype)
    count = seen.sum((1, 3), keepdim=True)
    off = (weights - (weights * seen).sum((1, 3), keepdim=True) / count.clamp(min=1)) * seen
    std = (off.square().sum((1, 3), keepdim=True) / (count - 1).clamp(min=1)).sqrt()
    replaced = weights * ((off > deviations * std) & ~visual[:, None, :, None]) * seen
    value = value.repeat_interleave(heads // value.shape[1], 1)
    instead = (seen * value.mean(-1)[:, :, None, :]).sum(-1) / seen.sum(-1).clamp(min=1)
    out = (weights - replaced) @ value + (replaced.sum(-1) * instead)[..., None]
    return out.transpose(1, 2).contiguous()


def watched(module, seen, change):
    """Wrap a module's eager attention so that text layers leave queries, keys and probabilities, a list of each by layer."""
    plain = module.eager_attention_forward

    def forward(layer, query, key, value, attention_mask=None, **options):
        if getattr(layer, "layer_idx", None) is None:
            return plain(layer, query, key, value, attention_mask, **options)
        if query.dtype == torch.float32:
            out, weights = plain(layer, query, key, value, attention_mask, **options)
        else:  # transformers takes the softmax in fp32, where the mask of fp64 is infinite
            k, v = (x.repeat_interleave(query.shape[1] // x.shape[1], 1) for x in (key, value))
            weights = (query @ k.transpose(2, 3) * options["scaling"] + attention_mask.clamp(min=-1e30)).softmax(-1)
            out = (weights @ v).transpose(1, 2).contiguous()
        seen[layer.layer_idx] = (query, key, weights)
        if change:
            out = changed(weights, value, **change)
        return out, weights

    module.eager_attention_forward = forward
    return plain


def statistic(name, seen, visual, length):
    """[B, completion length]."""
    kind, inside = name[:-1].split("(")
    layers, heads = (inside.split(";") + [None])[:2]
    layers = sorted({int(layer) % len(seen) for layer in layers.split(",")})
    per_layer = []
    for layer in layers:
        query, key, weights = seen[layer]
        if kind == "pictureAttention":
            by_head = (weights * visual[:, None, None, :]).sum(-1)  # [B, H, T]
        else:
            unit = torch.nn.functional.normalize
            key = unit(key, dim=-1).repeat_interleave(query.shape[1] // key.shape[1], 1)
            cosines = unit(query, dim=-1) @ key.transpose(2, 3)
            by_head = (cosines * visual[:, None, None, :]).sum(-1) / visual.sum(-1).clamp(min=1)[:, None, None]
        chosen = range(by_head.shape[1]) if heads is None else [int(head) for head in heads.split(",")]
        per_layer.append(by_head[:, list(chosen)].mean(1))
    return torch.stack(per_layer).mean(0)[:, -length:]


def fed(name, info, tensors):
    """Pictures and positions as the case was made with."""
    is_qwen = name.startswith(("small", "qwen"))
    images = [[Image.open(f"{folder}/images/{part['image']}") for part in row if part["type"] == "image"] for row in info["messages"]]
    processor = AutoProcessor.from_pretrained(f"{folder}/models/{name.split('.')[0]}")
    flat = [image for row in images for image in row]
    encoded = processor(text=info["texts"], images=flat if is_qwen else images, padding=True, padding_side="left", return_tensors="pt")
    visual = {key: encoded[key] for key in ("pixel_values", "image_grid_thw", "pixel_attention_mask") if key in encoded}
    positions = tensors["position_ids"].long()
    return visual, positions if is_qwen else positions[0]


out = {}
for name, module in CASES.items():
    with open(f"{folder}/models/{name}.json") as file:
        info = json.load(file)
    tensors = load_file(f"{folder}/models/{name}.safetensors")
    ids, mask, completion = tensors["input_ids"].long(), tensors["attention_mask"].long(), tensors["completion_mask"].float()
    seen, change = {}, {}
    modeling = importlib.import_module(f"transformers.models.{module}.modeling_{module}")
    plain = watched(modeling, seen, change)
    case = {"values": {}}
    for precision, dtype in (("f32", torch.float32), ("f64", torch.float64)):
        model = AutoModelForImageTextToText.from_pretrained(f"{folder}/models/{name.split('.')[0]}", dtype=dtype, attn_implementation="eager").eval()
        pictures, positions = fed(name, info, tensors)
        pictures = {key: value.to(dtype) if value.is_floating_point() else value for key, value in pictures.items()}
        model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False, **pictures)
        assert len(seen) == model.config.get_text_config().num_hidden_layers
        visual = (ids == model.config.image_token_id).to(dtype)
        loss = 0
        for k, output in enumerate(OUTPUTS):
            value = statistic(output, seen, visual, info["completion_len"]) * completion.to(dtype)
            rows, length = value.shape
            weights = torch.tensor([[math.cos(k + 3 * b + t) for t in range(length)] for b in range(rows)], dtype=dtype)
            loss = loss + (weights * value).sum()
            case["values"].setdefault(output, {})[precision] = value.detach().flatten().tolist()
        loss.backward()
        gradients = {key: p.grad for key, p in model.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
        total = sum(g.double().square().sum() for g in gradients.values()).sqrt().item()
        norms = {key: g.double().norm().item() for key, g in gradients.items()}
        noise = case.setdefault("noise", [])
        noise += [key for key, norm in norms.items() if norm < 1e-5 * total and key not in noise]
        case.setdefault("norms", {})[precision] = norms
        whole = [key for key, p in model.named_parameters() if p.ndim == 1 and p.numel() <= 64 and key in norms and key not in noise][::4]
        for deviations in (0.5, 2.0):
            change.update(deviations=deviations, visual=ids == model.config.image_token_id)
            with torch.no_grad():
                logits = model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False, **pictures).logits
            change.clear()
            start = info["prompt_len"]
            logps = logits[:, start - 1 : -1].log_softmax(-1).gather(-1, ids[:, start:, None])[..., 0] * completion.to(dtype)
            case.setdefault("changed", {}).setdefault(str(deviations), {})[precision] = logps.flatten().tolist()
        case.setdefault("whole", {})[precision] = {key: gradients[key].flatten().tolist() for key in whole}
    modeling.eager_attention_forward = plain
    out[name] = case
with open(f"{folder}/attention.json", "w") as file:
    json.dump(out, file)
