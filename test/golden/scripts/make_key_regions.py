"""Visual tokens of key regions (arXiv:2603.27375, Eq. 5 to 10), by torch in fp64, of drawn pictures.

usage: python make_key_regions.py <cases folder>

Writes <cases folder>/key-regions.json: rows and columns of pictures of 28 pixels a token, and 1 for the tokens of key regions. Energies lie
apart from the threshold.
"""
import json
import sys

import torch
import torch.nn.functional as F

SIDE, STRUCTURE, LIGHTNESS, ENERGY, SIGMA = 28, 0.5, 30.0, 0.1, 1.0


def drawn(name, rows, columns):
    """The formulas of test/plugins/kawhi/key-regions.test.ts."""
    h, w = rows * SIDE, columns * SIDE
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    if name == "axes":
        planes = [torch.where((x % 84 == 40) | (y == 50), 0, 255)] * 3
    elif name == "gradient":
        planes = [255 * x // w, 255 * y // h, (x + y) % 64]
    else:
        planes = [torch.where(x < w // 2, 200, (x * 7919 + y * 104729 + x * y * 31 + 85 * channel) % 256) for channel in range(3)]
    return torch.stack(planes, -1)


def lightness(rgb):
    c = rgb.double() / 255
    linear = torch.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    Y = (linear * torch.tensor([0.2126, 0.7152, 0.0722], dtype=torch.float64)).sum(-1)
    return 116 * torch.where(Y > 216 / 24389, Y ** (1 / 3), (24389 / 27 * Y + 16) / 116) - 16


def key_tokens(rgb, rows, columns):
    L = lightness(rgb)[None, None]
    radius = int(-(-3 * SIGMA // 1))
    kernel = torch.exp(-(torch.arange(-radius, radius + 1).double() ** 2) / (2 * SIGMA**2))
    kernel = kernel / kernel.sum()
    L = F.conv2d(F.pad(L, (radius, radius, 0, 0), mode="replicate"), kernel[None, None, None])
    L = F.conv2d(F.pad(L, (0, 0, radius, radius), mode="replicate"), kernel[None, None, :, None])
    sobel = torch.tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=torch.float64)
    padded = F.pad(L, (1, 1, 1, 1), mode="replicate")
    gx, gy = F.conv2d(padded, sobel[None, None]), F.conv2d(padded, sobel.T[None, None])
    pool = lambda z: F.avg_pool2d(z, SIDE)[0, 0]
    tensors = torch.stack([torch.stack([pool(gx * gx), pool(gx * gy)], -1), torch.stack([pool(gx * gy), pool(gy * gy)], -1)], -2)
    eigen = torch.linalg.eigvalsh(tensors).clamp(min=0).reshape(-1, 2)
    light = pool(L).flatten()
    label = list(range(rows * columns))

    def alike(a, b):
        return (eigen[a] - eigen[b]).norm() / max(eigen[a].max(), eigen[b].max(), 1e-6) < STRUCTURE and (light[a] - light[b]).abs() < LIGHTNESS

    changed = True
    while changed:
        changed = False
        for i in range(rows * columns):
            for j in ([i + 1] if (i + 1) % columns else []) + ([i + columns] if i + columns < rows * columns else []):
                if label[i] != label[j] and alike(i, j):
                    old, new = max(label[i], label[j]), min(label[i], label[j])
                    label = [new if one == old else one for one in label]
                    changed = True
    members = {one: [i for i, other in enumerate(label) if other == one] for one in set(label)}
    energy = {one: eigen[own].sum(1).mean().item() for one, own in members.items()}
    ordered = sorted(energy.values())
    middle = len(ordered) // 2
    median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    assert all(abs(e / (ENERGY * median) - 1) > 1e-3 for e in energy.values() if median > 0), energy
    return [int(energy[one] > ENERGY * median) for one in label]


out = []
for name, rows, columns in (("axes", 4, 6), ("gradient", 3, 5), ("half noise", 3, 4)):
    out.append(dict(name=name, rows=rows, columns=columns, key=key_tokens(drawn(name, rows, columns).to(torch.uint8), rows, columns)))
with open(f"{sys.argv[1]}/key-regions.json", "w") as file:
    json.dump(out, file)
