"""Golden values of the tracer's ops: outputs, and the gradient of sum(output * cotangent) with respect to every float input.

usage: python make_ops.py <folder>   writes <folder>/ops.json (torch, float64; inputs are exact in float32).

A case: name, op, attributes, inputs (shape, dtype, data, for floats gradient; `dims` names axes that may be symbolic),
outputs (shape, data, cotangent).
"""
import json
import math
import sys

import torch

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(20)
cases = []


def floats(*shape, scale=1.0, positive=False, dims=None):
    value = scale * torch.randn(shape, generator=generator)
    value = (value.abs() + 0.1) if positive else value
    return {"value": value.float().double().requires_grad_(True), "dims": dims}


def exactly(values, dims=None):
    return {"value": torch.tensor(values, dtype=torch.float32).double().requires_grad_(True), "dims": dims}


def integers(values, dims=None):
    return {"value": torch.tensor(values, dtype=torch.int64), "dims": dims}


def constant(values, dims=None):
    return {"value": torch.tensor(values, dtype=torch.float32).double(), "dims": dims, "constant": True}


def case(name, op, inputs, function, **attributes):
    outputs = function(*[i["value"] for i in inputs])
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    cotangents = [torch.randn(o.shape, generator=generator).float().double() for o in outputs]
    sum((o * c).sum() for o, c in zip(outputs, cotangents)).backward()
    described = []
    for i in inputs:
        value = i["value"]
        entry = {"shape": list(value.shape), "dtype": "float32" if value.is_floating_point() else "int32", "data": value.detach().flatten().tolist()}
        if i["dims"]:
            entry["dims"] = i["dims"]
        if value.requires_grad:
            entry["gradient"] = (torch.zeros_like(value) if value.grad is None else value.grad).flatten().tolist()
        described.append(entry)
    cases.append({"name": name, "op": op, "attributes": attributes, "inputs": described,
                  "outputs": [{"shape": list(o.shape), "data": o.detach().flatten().tolist(), "cotangent": c.flatten().tolist()}
                              for o, c in zip(outputs, cotangents)]})


# Matrix products.
for a in (False, True):
    for b in (False, True):
        case(f"matmul, transposeA {a}, transposeB {b}", "matmul",
             [floats(*((5, 3) if a else (3, 5)), dims=["K", "M"] if a else ["M", "K"]), floats(*((4, 5) if b else (5, 4)), dims=[4, "K"] if b else ["K", 4])],
             lambda x, y, a=a, b=b: 0.25 * (x.T if a else x) @ (y.T if b else y), transposeA=a, transposeB=b, scale=0.25)
        case(f"matmul, two batch axes, transposeA {a}, transposeB {b}", "matmul",
             [floats(2, 3, *((5, 4) if a else (4, 5)), dims=["B", 3, 5, 4] if a else ["B", 3, 4, 5]), floats(2, 3, *((2, 5) if b else (5, 2)), dims=["B", 3, 2, 5] if b else ["B", 3, 5, 2])],
             lambda x, y, a=a, b=b: 1.5 * (x.mT if a else x) @ (y.mT if b else y), transposeA=a, transposeB=b, scale=1.5)
case("matmul, scale 1", "matmul", [floats(2, 4, 3), floats(2, 3, 5)], lambda x, y: x @ y)
case("linear with bias", "linear", [floats(5, 3, dims=["M", 3]), floats(4, 3), floats(4)], lambda x, w, b: x @ w.T + b)
case("linear without bias", "linear", [floats(5, 3, dims=["M", 3]), floats(4, 3)], lambda x, w: x @ w.T)

# Elementwise, with broadcasting.
for op, function in (("add", torch.add), ("sub", torch.sub), ("mul", torch.mul)):
    case(f"{op}, equal shapes", op, [floats(3, 4, dims=["M", "N"]), floats(3, 4, dims=["M", "N"])], function)
    case(f"{op}, a row", op, [floats(3, 4, dims=["M", 4]), floats(4)], function)
    case(f"{op}, a row first", op, [floats(4), floats(3, 4, dims=["M", 4])], function)
    case(f"{op}, a column", op, [floats(3, 4, dims=["M", "N"]), floats(3, 1, dims=["M", 1])], function)
    case(f"{op}, both sides stretched", op, [floats(3, 1, 4, dims=["M", 1, 4]), floats(2, 1, dims=["N", 1])], function)
    case(f"{op}, a number", op, [floats(3, 4), floats()], function)
    case(f"{op}, sizes of 1", op, [floats(1, 1), floats(1)], function)
for op, function in (("neg", torch.neg), ("exp", torch.exp), ("sigmoid", torch.sigmoid), ("silu", torch.nn.functional.silu), ("erf", torch.erf),
                     ("gelu", torch.nn.functional.gelu)):
    case(op, op, [floats(3, 5, scale=2.0, dims=["M", 5])], function)
case("log", "log", [floats(3, 5, positive=True, dims=["M", 5])], torch.log)
for op, function in (("silu", torch.nn.functional.silu), ("gelu", torch.nn.functional.gelu), ("sigmoid", torch.sigmoid)):
    case(f"{op}, far from 0", op, [exactly([-30.0, -8.0, -3.0, 0.0, 3.0, 8.0, 30.0])], function)
case("affine", "affine", [floats(3, 4, dims=["M", 4])], lambda x: -2.5 * x + 0.75, factor=-2.5, offset=0.75)
case("affine without offset", "affine", [floats(3, 4)], lambda x: 0.5 * x, factor=0.5, offset=0)
case("a value used twice", "square", [floats(3, 4)], lambda x: x * x)

# Reductions.
case("softmax", "softmax", [floats(3, 7, scale=2.0, dims=["M", 7])], lambda x: x.softmax(-1))
case("softmax, three axes", "softmax", [floats(2, 3, 4, dims=["B", "M", "N"])], lambda x: x.softmax(-1))
case("softmax with masked entries", "softmax", [exactly([[1.0, -1e30, 2.0], [-1e30, 0.5, -1e30]])], lambda x: x.softmax(-1))
case("softmax of large numbers", "softmax", [exactly([[1000.0, 999.0, -1000.0]])], lambda x: x.softmax(-1))
case("sum over one axis", "sum", [floats(3, 4, 2, dims=["M", 4, "N"])], lambda x: x.sum(1), axes=[1])
case("sum over two axes", "sum", [floats(3, 4, 2, dims=["M", "K", "N"])], lambda x: x.sum((0, 2)), axes=[0, 2])
case("sum over all axes", "sum", [floats(3, 4)], lambda x: x.sum(), axes=[0, 1])
case("sum over the last axis, kept", "sumLast", [floats(3, 4, dims=["M", 4])], lambda x: x.sum(-1, keepdim=True))

# Moving data.
case("reshape", "reshape", [floats(3, 4, 2)], lambda x: x.reshape(6, 4), shape=[6, 4])
case("transpose", "transpose", [floats(2, 3, 4, 5, dims=["A", "B", "C", "D"])], lambda x: x.permute(2, 0, 3, 1), permutation=[2, 0, 3, 1])
case("concat, first axis", "concat", [floats(2, 3, dims=["A", 3]), floats(4, 3, dims=["B", 3]), floats(1, 3)], lambda *x: torch.cat(x, 0), axis=0)
case("concat, last axis", "concat", [floats(2, 3, dims=["A", 3]), floats(2, 2, dims=["A", 2])], lambda *x: torch.cat(x, 1), axis=1)
case("split", "split", [floats(2, 6, dims=["A", 6])], lambda x: torch.split(x, [1, 3, 2], 1), sizes=[1, 3, 2], axis=1)
case("a slice: one piece of a split", "slice", [floats(6, 2)], lambda x: x[1:4], sizes=[1, 3, 2], axis=0, piece=1)
case("expand", "expand", [floats(3, 1, 2)], lambda x: x.expand(3, 4, 2), shape=[3, 4, 2])
case("gatherRows with repeats", "gatherRows", [floats(5, 3, dims=["M", 3]), integers([4, 0, 0, 2, 4, 4], dims=["K"])], lambda x, i: x[i])
case("scatterAddRows with repeats", "scatterAddRows", [floats(4, 3, dims=["M", 3]), integers([1, 3, 1, 1], dims=["K"]), floats(4, 3, dims=["K", 3])],
     lambda base, i, rows: base.index_add(0, i, rows))

# Normalisation and positions.
rms = lambda x, w, epsilon: w * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + epsilon)
case("rmsNorm", "rmsNorm", [floats(4, 6, dims=["M", 6]), floats(6)], lambda x, w: rms(x, w, 1e-6), epsilon=1e-6)
case("rmsNorm where epsilon counts", "rmsNorm", [floats(3, 6, scale=1e-3), floats(6)], lambda x, w: rms(x, w, 1e-5), epsilon=1e-5)


def rotate(x, cos, sin, heads):
    x = x.reshape(x.shape[0], heads, -1)
    half = x.shape[-1] // 2
    turned = torch.cat([-x[..., half:], x[..., :half]], -1)
    full = lambda t: torch.cat([t, t], -1)[:, None]
    return (x * full(cos) + turned * full(sin)).flatten(1)


for rows, heads, half in ((5, 3, 4), (1, 1, 2), (7, 2, 5)):
    angles = 3 * torch.randn(rows, half, generator=generator)
    case(f"rope, {heads} heads of {2 * half}", "rope",
         [floats(rows, heads * 2 * half, dims=["M", heads * 2 * half]), constant(angles.cos().tolist(), dims=["M", half]), constant(angles.sin().tolist(), dims=["M", half])],
         lambda x, c, s, h=heads: rotate(x, c, s, h), heads=heads)

# From logits to log-probs and entropies.
log_prob = lambda x, t: x.log_softmax(-1).gather(-1, t[:, None]).squeeze(-1)
entropy = lambda x: -(x.softmax(-1) * x.log_softmax(-1)).sum(-1)
case("tokenLogProb", "tokenLogProb", [floats(4, 9, scale=2.0, dims=["M", 9]), integers([0, 8, 3, 3], dims=["M"])], log_prob)
case("tokenLogProb of large logits", "tokenLogProb", [exactly([[500.0, 498.0, -500.0], [-300.0, -300.0, -301.0]]), integers([1, 2])], log_prob)
case("entropy", "entropy", [floats(4, 9, scale=2.0, dims=["M", 9])], entropy)
case("entropy of nearly certain rows", "entropy", [exactly([[7.0, 0.0, -3.0], [5.0, -2.0, 0.0]])], entropy)


def packing(lengths, longest):
    """Rows of ragged runs, in order, laid out as runs of equal length."""
    slots, row = [], 0
    for n in lengths:
        slots += [row + i if i < n else -1 for i in range(longest)]
        row += n
    row_of_slot = [max(0, r) for r in slots]
    return row_of_slot, [slots.index(r) for r in range(row)], [[1.0 if r >= 0 else 0.0] for r in slots]


row_of_slot, slot_of_row, filled = packing([2, 4, 1], 4)
index = lambda: [integers(row_of_slot, dims=["S"]), integers(slot_of_row, dims=["T"]), constant(filled, dims=["S", 1])]
case("pack ragged rows", "pack", [floats(7, 3, dims=["T", 3]), *index()], lambda x, r, s, f: x[r] * f)


def unpack(block, r, s, f):
    return block[s]


case("unpack ragged rows", "unpack", [floats(12, 3, dims=["S", 3]), *index()], unpack)

# After all others, so that their numbers stay.
case("layerNorm", "layerNorm", [floats(4, 6, dims=["M", 6]), floats(6), floats(6)], lambda x, w, b: torch.nn.functional.layer_norm(x, (6,), w, b, 1e-6), epsilon=1e-6)
case("layerNorm where epsilon counts", "layerNorm", [floats(3, 6, scale=1e-3), floats(6), floats(6)], lambda x, w, b: torch.nn.functional.layer_norm(x, (6,), w, b, 1e-5), epsilon=1e-5)


case("addRmsNorm", "addRmsNorm", [floats(4, 6, dims=["M", 6]), floats(4, 6, dims=["M", 6]), floats(6)], lambda x, y, w: (rms(x + y, w, 1e-6), x + y), epsilon=1e-6)

case("recomputed", "recomputed", [floats(5, 4, dims=["M", 4]), constant([1.0]), floats(5, 4, dims=["M", 4])], lambda x, one, w: x * torch.sigmoid(x) * w)

def head(h, w, targets, one):
    p = torch.log_softmax(h @ w.T, -1)
    return p.gather(1, targets[:, None]).squeeze(1), -(p.exp() * p).sum(-1)


case("chunkedHead", "chunkedHead", [floats(5, 4, dims=["M", 4]), floats(8, 4), integers([0, 7, 3, 2, 3], dims=["M"]), constant([1.0])], head)
case("chunkedHead of large logits", "chunkedHead", [floats(3, 4, scale=8.0), floats(7, 4), integers([6, 1, 2]), constant([1.0])], head)

case("sqrt", "sqrt", [floats(3, 5, positive=True, dims=["M", 5])], torch.sqrt)
for names, shapes in (("equal shapes", [(3, 4), (3, 4)]), ("a row", [(3, 4), (4,)]), ("a column", [(3, 4), (3, 1)]), ("by a number", [(3, 4), ()])):
    case(f"div, {names}", "div", [floats(*shapes[0]), floats(*shapes[1], positive=True)], torch.div)

# Last, so that the cases before keep their numbers.
for op, function in (("geluTanh", lambda x: torch.nn.functional.gelu(x, approximate="tanh")),
                     ("quickGelu", lambda x: x * torch.sigmoid(1.702 * x))):
    case(op, op, [floats(3, 5, scale=2.0, dims=["M", 5])], function)
    case(f"{op}, far from 0", op, [exactly([-30.0, -8.0, -3.0, 0.0, 3.0, 8.0, 30.0])], function)

def divergence(kind):
    def f(h, w, g, v, one):
        p, q = torch.log_softmax(h @ w.T, -1), torch.log_softmax(g @ v.T, -1)
        if kind == "kl":
            return (p.exp() * (p - q)).sum(-1)
        if kind == "reverseKl":
            return (q.exp() * (q - p)).sum(-1)
        m = torch.logaddexp(p, q) - math.log(2)
        return 0.5 * (p.exp() * (p - m)).sum(-1) + 0.5 * (q.exp() * (q - m)).sum(-1)
    return f


# Two models: the hidden states of the second are of another size, and constants. Where the two hardly overlap, the gradient of jsd is 0 but for rounding.
for kind in ("kl", "reverseKl", "jsd"):
    for chunk in (3, 8):
        case(f"divergence {kind}, {chunk} of 8 at a time", "divergence", [floats(5, 4, dims=["M", 4]), floats(8, 4), constant(torch.randn(5, 3, generator=generator).tolist(), dims=["M", 3]), constant(torch.randn(8, 3, generator=generator).tolist()), constant([1.0])], divergence(kind), kind=kind, chunk=chunk)
    size = 1.0 if kind == "jsd" else 6.0
    case(f"divergence {kind} of logits {size} times as large", "divergence", [floats(3, 4, scale=size), floats(7, 4), constant((size * torch.randn(3, 5, generator=generator)).tolist()), constant(torch.randn(7, 5, generator=generator).tolist()), constant([1.0])], divergence(kind), kind=kind, chunk=3)


if __name__ == "__main__":
    folder = sys.argv[1]
    with open(f"{folder}/ops.json", "w") as file:
        json.dump({"torch": torch.__version__.split("+")[0], "cases": cases}, file)
    assert all(math.isfinite(x) for c in cases for o in c["outputs"] for x in o["data"])
    print(len(cases), "cases")
