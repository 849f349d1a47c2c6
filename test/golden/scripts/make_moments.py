"""Golden values of 8-bit moments: bitsandbytes' AdamW8bit on the CPU.  usage: make_moments.py <folder>

Writes moments.safetensors: the 256 values of both kinds of codes, and of a matrix of 4,160 numbers the parameters,
the gradients of four updates, and parameters, codes and scales after each of them. "nearest" are the codes of the
nearest values, by torch in float64: on the CPU bitsandbytes looks codes up in a table of 65,536 equal steps from -1 to
1, so that its code of a small number may stand for another value than the nearest.
Needs torch, numpy, safetensors and bitsandbytes 0.50.2: pip install bitsandbytes
"""

import sys
from pathlib import Path

import torch
from bitsandbytes.functional import create_dynamic_map
from bitsandbytes.optim import AdamW8bit
from safetensors.torch import save_file

out = Path(sys.argv[1]) / "moments.safetensors"
torch.set_num_threads(1)
draws = torch.Generator().manual_seed(7)
shape = (32, 130)
settings = {"lr": 1e-2, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01}

tensors = {"codes.signed": create_dynamic_map(signed=True), "codes.unsigned": create_dynamic_map(signed=False)}
parameter = torch.nn.Parameter(torch.randn(shape, generator=draws))
tensors["parameter.0"] = parameter.detach().clone()
optimizer = AdamW8bit([parameter], **settings)
# Magnitudes over three decades: the codes' values are spaced by decades.
magnitude = 10 ** (-3 * torch.rand(shape, generator=draws))


def restored(name, update):
    """The moments after an update as their codes say, [numbers]."""
    if update == 0:
        return torch.zeros(parameter.numel(), dtype=torch.float64)
    values = tensors["codes." + ("signed" if name == "exp_avg" else "unsigned")].double()
    codes, scales = tensors[f"{name}.codes.{update}"], tensors[f"{name}.scales.{update}"]
    return values[codes.flatten().long()] * scales.double().repeat_interleave(256)[: codes.numel()]


def nearest(moments, values):
    """Codes of the values that are nearest to the moments, each block of 256 divided by its largest magnitude."""
    blocks = torch.nn.functional.pad(moments, (0, -len(moments) % 256)).view(-1, 256)
    quotients = (blocks / blocks.abs().amax(1, keepdim=True)).flatten()[: len(moments)]
    return (quotients[:, None] - values.double()).abs().argmin(1).to(torch.uint8).view(shape)


for update in range(1, 5):
    parameter.grad = torch.randn(shape, generator=draws) * magnitude
    tensors[f"gradient.{update}"] = parameter.grad.clone()
    flat = parameter.grad.double().flatten()
    for name, kind, beta, new in (("exp_avg", "signed", 0.9, flat), ("exp_avg_sq", "unsigned", 0.999, flat**2)):
        moments = beta * restored(name, update - 1) + (1 - beta) * new
        tensors[f"{name}.nearest.{update}"] = nearest(moments, tensors[f"codes.{kind}"])
    optimizer.step()
    state = optimizer.state[parameter]
    tensors[f"parameter.{update}"] = parameter.detach().clone()
    for name, codes, scales in (("exp_avg", "state1", "absmax1"), ("exp_avg_sq", "state2", "absmax2")):
        tensors[f"{name}.codes.{update}"] = state[codes].clone()
        tensors[f"{name}.scales.{update}"] = state[scales].clone()
save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, out)
print(out, out.stat().st_size)
