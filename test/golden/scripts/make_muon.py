"""Values for Muon (momentum, Newton-Schulz orthogonalisation, decoupled decay) in fp64.  usage: make_muon.py <folder>

The same algorithm as torch.optim.Muon with adjust_lr_fn="match_rms_adamw", whose own iteration runs in bfloat16; here it runs in double.
Everything that is no matrix is torch.optim.AdamW's. Gradients are clipped by their common norm first.
"""
import json
import sys

import torch

torch.set_default_dtype(torch.float64)


def orthogonalise(g, steps=5, eps=1e-7):
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g / (g.norm() + eps)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(steps):
        s = x @ x.T
        x = a * x + (b * s + c * s @ s) @ x
    return x.T if tall else x


def run(seed, lr, decay, clip):
    generator = torch.Generator().manual_seed(seed)
    shapes = {"wide": (3, 5), "tall": (6, 4), "bias": (4,)}
    parameters = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    initial = {name: p.tolist() for name, p in parameters.items()}
    momenta = {name: torch.zeros_like(p) for name, p in parameters.items()}
    rest = torch.nn.Parameter(parameters["bias"].clone())
    adamw = torch.optim.AdamW([rest], lr=lr, betas=(0.9, 0.98), eps=1e-8, weight_decay=decay)
    steps = []
    for _ in range(4):
        gradients = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
        norm = torch.sqrt(sum((g * g).sum() for g in gradients.values()))
        scale = min(1.0, clip / (norm.item() + 1e-6))
        rest.grad = gradients["bias"] * scale
        adamw.step()
        for name in ("wide", "tall"):
            g = gradients[name] * scale
            momenta[name] = 0.95 * momenta[name] + 0.05 * g
            update = orthogonalise(0.95 * momenta[name] + 0.05 * g)
            rate = lr * 0.2 * max(shapes[name]) ** 0.5
            parameters[name] = parameters[name] * (1 - lr * decay) - rate * update
        parameters["bias"] = rest.detach().clone()
        steps.append({"gradients": {n: g.tolist() for n, g in gradients.items()}, "norm": norm.item(),
                      "parameters": {n: p.tolist() for n, p in parameters.items()}})
    return {"lr": lr, "weight_decay": decay, "clip": clip, "shapes": shapes, "initial": initial, "steps": steps}


if __name__ == "__main__":
    runs = [run(1, 1e-2, 0.0, 1.0), run(2, 2e-3, 0.1, 100.0)]
    with open(f"{sys.argv[1]}/muon.json", "w") as file:
        json.dump(runs, file)
