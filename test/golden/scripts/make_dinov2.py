"""Golden values of DINOv2 with random weights, by transformers, in fp32.

usage: python make_dinov2.py <cases folder>

Writes <cases folder>/dinov2/<name>/ (transformers writes the parameter names of the published folders) and <cases folder>/dinov2.json: last
hidden states after the final norm, attention maps of every layer averaged over heads.

plain      two heads, gelu, 4 × 4 positions; the very size, a larger one, an uneven one (positions interpolated)
swiglu     three heads, SwiGLU, another ratio, 5 × 5 positions
registers  four register tokens
"""
import json
import sys

import numpy as np
import torch
from transformers import Dinov2Config, Dinov2Model, Dinov2WithRegistersConfig, Dinov2WithRegistersModel

torch.set_num_threads(1)
folder = sys.argv[1]
SPECS = {
    "plain": (Dinov2Model, Dinov2Config(hidden_size=24, num_hidden_layers=3, num_attention_heads=2, image_size=56, patch_size=14, mlp_ratio=2), [(56, 56), (84, 70), (28, 98)]),
    "swiglu": (Dinov2Model, Dinov2Config(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, image_size=70, patch_size=14, mlp_ratio=3, use_swiglu_ffn=True), [(70, 70), (56, 112)]),
    "registers": (Dinov2WithRegistersModel, Dinov2WithRegistersConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=56, patch_size=14, mlp_ratio=2, num_register_tokens=4), [(56, 56), (70, 84)]),
}


def short(tensor):
    return [float(f"{value:.7g}") for value in tensor.flatten().tolist()]


out = {}
for name, (Model, config, sizes) in SPECS.items():
    config._attn_implementation = "eager"
    model = Model(config).eval()
    g = torch.Generator().manual_seed(sum(map(ord, name)))
    with torch.no_grad():
        for key, parameter in sorted(model.named_parameters()):
            noise = 0.2 * torch.randn(parameter.shape, generator=g)
            parameter.copy_(1 + noise if "norm" in key and key.endswith("weight") or "lambda" in key else noise)
    path = f"{folder}/dinov2/{name}"
    model.save_pretrained(path)
    cases = []
    for height, width in sizes:
        # A formula instead of numbers in the file; rounded, so that both sides have the same.
        index = np.arange(3 * height * width)
        pixels = torch.from_numpy(np.round(2 * np.sin(0.37 * index + 1.3 * np.sin(0.011 * index)), 3).astype(np.float32)).reshape(1, 3, height, width)
        with torch.no_grad():
            result = model(pixels, output_attentions=True)
        cases.append(dict(height=height, width=width, features=short(result.last_hidden_state[0]), attentions=[short(a[0].mean(0)) for a in result.attentions]))
    out[name] = cases
with open(f"{folder}/dinov2.json", "w") as file:
    json.dump(out, file)
