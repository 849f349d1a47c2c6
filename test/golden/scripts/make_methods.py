"""Golden values of methods that losses.json does not hold, in float64 with torch autograd; formulas written out again from the papers and their code.

usage: python make_methods.py <cases folder>

Writes <cases folder>/methods.json: cases of the arrays of losses.json with more of them, and per method a loss with its gradients to the
log-probs of the original and of the masked view under the current weights. Scores under old weights are constants.
"""
import json
import math
import sys

import torch

torch.set_default_dtype(torch.float64)
EPS = 1e-8


def token_mean(x, m):
    return (x * m).sum() / m.sum().clamp(min=1)


def clip_loss(l, o, A, low=0.2, high=0.28, bound=20.0):
    r = (l - o).clamp(-bound, bound).exp()
    return torch.maximum(-A * r, -A * r.clamp(1 - low, 1 + high))


def k3(a, b):
    """k3 of KL[a || b] per token from samples of a, with the usual clamps."""
    x = (b - a).clamp(-20, 20)
    return (x.exp() - x - 1).clamp(-10, 10)


def rows(m):
    return [[t for t in range(m.shape[1]) if m[b, t] > 0] for b in range(m.shape[0])]


def minmax(values):
    low, high = values.min(), values.max()
    return torch.zeros_like(values) if high <= low else (values - low) / (high - low)


def top(x, tokens, count):
    """Row-wise 0/1 of the `count(n)` largest, of equals the earlier ones."""
    out = torch.zeros_like(x)
    for b, own in enumerate(tokens):
        for t in sorted(own, key=lambda t: (-x[b, t].item(), t))[: count(len(own))]:
            out[b, t] = 1
    return out


def vppo(c):
    S, tokens = k3(c["old_logp"], c["masked_logp"]), rows(c["mask"])
    means = torch.stack([S[b, own].mean() if own else torch.tensor(0.0) for b, own in enumerate(tokens)])
    norm = minmax(means)
    factor = torch.ones_like(norm) if norm.mean() == 0 else 0.9 + (0.1 / norm.mean()) * norm
    chosen = top(S, tokens, lambda n: math.ceil(0.4 * n))
    return lambda l, lm: token_mean(clip_loss(l, c["old_logp"], c["adv"] * factor[:, None]) * chosen, c["mask"])


def vgpo(c):
    m, tokens = c["mask"], rows(c["mask"])
    focus = torch.zeros_like(m)
    if m.sum() > 0:
        focus[m > 0] = minmax(c["similarity"][m > 0])
    raised, psi, alpha = focus.clone(), torch.ones_like(m), torch.ones(m.shape[0])
    for b, own in enumerate(tokens):
        late = own[int(len(own) * 0.5):]
        if late:
            threshold = focus[b, late].sort(descending=True).values[max(1, int(len(late) * 0.2)) - 1]
            for t in late:
                if focus[b, t] >= threshold:
                    raised[b, t] *= 1 + 0.3 * (t - own[0]) / (own[-1] - own[0] + EPS)
        if own:
            w = minmax(raised[b, own])
            psi[b, own] = (1 + w - w.mean()).clamp(0.1, 2)
    sums = torch.stack([focus[b, own].sum() if own else torch.tensor(0.0) for b, own in enumerate(tokens)])
    for g in sorted(set(c["group"])):
        index = [b for b, of in enumerate(c["group"]) if of == g]
        if len(index) > 1:
            n = minmax(sums[index])
            alpha[index] = (1 + n - n.mean()).clamp(0.9, 2)
    return lambda l, lm: token_mean(clip_loss(l, c["old_logp"], c["adv"] * psi * alpha[:, None]), m)


def kawhi(c, temperature, smoothing, low, high):
    """Token t of response b ends a paragraph where (b + t) % 3 == 2; the similarity stands for the alignment."""
    weights = torch.ones_like(c["mask"])
    for b, own in enumerate(rows(c["mask"])):
        paragraphs = [[]]
        for t in own:
            paragraphs[-1].append(t)
            if (b + t) % 3 == 2:
                paragraphs.append([])
        paragraphs = [p for p in paragraphs if p]
        if paragraphs:
            mean = torch.stack([c["similarity"][b, p].mean() for p in paragraphs])
            w = (1 - smoothing) * (mean / temperature).softmax(0) + smoothing / len(paragraphs)
            for p, one in zip(paragraphs, low + (high - low) * w):
                weights[b, p] = one
    return lambda l, lm: token_mean(clip_loss(l, c["old_logp"], c["adv"] * weights), c["mask"])


def pgpo(c):
    S, weights = k3(c["old_logp"], c["masked_logp"]), torch.zeros_like(c["mask"])
    for b, own in enumerate(rows(c["mask"])):
        if own:
            I = minmax(torch.log1p(S[b, own]))
            w = torch.where(I < 0.4, I / 0.4, 1 + 2 * (I - 0.4) / 0.6)
            weights[b, own] = torch.ones_like(w) if w.sum() == 0 else w * len(own) / w.sum()
    return lambda l, lm: token_mean(clip_loss(l, c["old_logp"], c["adv"] * weights), c["mask"])


def tor(c):
    tokens = rows(c["mask"])
    thinks = top(c["entropy"], tokens, lambda n: math.ceil(0.3 * n))
    sees = top((c["old_logp"] - c["masked_logp"]).abs(), tokens, lambda n: math.ceil(0.3 * n))
    weights = torch.maximum(thinks, 0.5 * sees)
    return lambda l, lm: token_mean(clip_loss(l, c["old_logp"], c["adv"]) * weights, c["mask"])


def vepo(c, exact=False):
    rho = (c["masked_logp"] - c["old_logp"]).exp()
    # Divergences of full distributions are golden values of make_ops.py; here they are given.
    J = ((c["similarity"].abs() * 0.69).float().double() / math.log(2)).clamp(0, 1) if exact else (0.5 * torch.log2(2 / (1 + rho)) + 0.5 * rho * torch.log2(2 * rho / (1 + rho))).clamp(0, 1)
    dH = (c["entropy"] - c["masked_entropy"]).abs() * c["mask"]
    dH = dH / (dH.max() if dH.max() > 0 else 1)
    score = (1 - (1 - J) ** 0.7 * (1 - dH) ** 0.3) * c["entropy"]
    chosen = top(score, rows(c["mask"]), lambda n: math.ceil(0.2 * n))
    return lambda l, lm: token_mean(clip_loss(l, c["old_logp"], c["adv"]) * chosen, chosen * c["mask"])


def pepo(c):
    weights = torch.zeros_like(c["mask"])
    for b, own in enumerate(rows(c["mask"])):
        if own:
            weights[b, own] = len(own) * (0.5 * minmax(c["similarity"][b, own]) + 0.5 * minmax(c["entropy"][b, own])).softmax(0)
    return lambda l, lm: token_mean(clip_loss(l, c["old_logp"], c["adv"] * weights), c["mask"])


def dvrp(c):
    return lambda l, lm: -0.01 * token_mean(k3(l, c["masked_logp"]), c["mask"]) + 0.01 * token_mean(k3(l, c["ref_logp"]), c["mask"])


def roma(worst):
    """The view with the largest divergence for each response or token; its log-probs have the gradient, the clean ones none."""
    def make(c):
        def loss(l, lm):
            seen = [lm, c["noisy_leaf"]]
            k = torch.stack([k3(l, v).detach() for v in seen])
            if worst == "response":
                k = ((k * c["mask"]).sum(-1) / c["mask"].sum(-1).clamp(min=1))[:, :, None].expand_as(k)
            choice = (k[1] > k[0]).double()
            v = seen[0] * (1 - choice) + seen[1] * choice
            right = torch.tensor([1.0 if a > 0.1 else 0.0 for a in c["accuracy"]])[:, None]
            return token_mean(k3(l.detach(), v) * right, c["mask"]) + 0.5 * token_mean(clip_loss(v, c["old_logp"], c["adv"]), c["mask"])
        return loss
    return make


def va_opd(c, tau=0.7, share=0.2, lam=0.5):
    """Eq. 2 to 6, on a given divergence of each token; the deviation over a group is the population's."""
    def loss(l, lm):
        m, own = c["mask"], rows(c["mask"])
        va = (c["ref_logp"] - c["masked_logp"]).clamp(min=0) * m
        means = va.sum(-1) / m.sum(-1).clamp(min=1)
        high = top(va, own, lambda n: math.ceil(share * n))
        total = 0.0
        groups = sorted(set(c["group"]))
        for g in groups:
            index = [b for b, of in enumerate(c["group"]) if of == g]
            s = means[index]
            sigma = s.std(unbiased=False)
            w = torch.full_like(s, 1 / len(index)) if sigma < 1e-8 else torch.softmax((s - s.mean()) / (sigma + 1e-8) / tau, 0)
            for b, weight in zip(index, w):
                d, h, low = c["divergence_leaf"][b], high[b], m[b] - high[b]
                if low.sum() > 0:
                    part = lam * (d * h).sum() / h.sum() + (1 - lam) * (d * low).sum() / low.sum()
                else:
                    part = (d * h).sum() / h.sum().clamp(min=1)
                total = total + len(index) * weight * part
        return total / len(c["group"])
    return loss


def ptd(c):
    def loss(l, lm):
        chosen = torch.tensor([0.0 if a > 0.1 or b % 4 == 2 else 1.0 for b, a in enumerate(c["accuracy"])])[:, None] * c["mask"]
        return 0.3 * token_mean(c["divergence_leaf"], chosen)
    return loss


def sapo(c):
    def loss(l, lm):
        r = (l - c["old_logp"]).clamp(-20, 20).exp()
        tau = torch.where(c["adv"] > 0, 1.0, 1.05)
        x = -torch.sigmoid(tau * (r - 1)) * 4 / tau * c["adv"]
        return ((x * c["mask"]).sum(-1) / c["mask"].sum(-1).clamp(min=1)).mean()
    return loss


def kl_value_and_gradient(c):
    def loss(l, lm):
        x = c["ref_logp"] - l
        value, k2 = k3(l, c["ref_logp"]), x * x / 2
        return token_mean(k2 - k2.detach() + value.detach(), c["mask"])
    return loss


def tis(level):
    def make(c):
        d = (c["old_logp"] - c["behaviour_logp"]) * c["mask"]
        w = (d if level == "token" else d.sum(-1, keepdim=True).expand_as(d)).exp().clamp(max=2)
        return lambda l, lm: token_mean(clip_loss(l, c["old_logp"], c["adv"]) * w, c["mask"])
    return make


def perception(direction="forward", samples="all", top_tokens=None, clip=None):
    """The release's order: cap, sample weight, choice of tokens, clip, average."""
    def make(c):
        def loss(l, lm):
            x = (lm - l).clamp(-20, 20)
            k = {"forward": x.exp() - x - 1, "reverse": x * x.exp() - x.exp() + 1, "swapped": (-x).exp() + x - 1}[direction].clamp(-10, 10)
            right = torch.tensor([1.0 if a > 0.1 else 0.0 for a in c["accuracy"]])
            k = k * {"all": torch.ones_like(right), "correct_only": right, "accuracy_weighted": torch.where(right > 0, 1.0, 0.1)}[samples][:, None]
            if top_tokens is not None:
                # The threshold is taken in float32, as the numbers are there.
                inside = k.detach().masked_fill(c["mask"] == 0, float("nan"))
                threshold = torch.nanquantile(inside, 1 - top_tokens, dim=1, keepdim=True)
                k = k * (k.detach() >= threshold - 1e-9 * threshold.abs()).to(k.dtype)
            if clip is not None:
                k = k.clamp(0, clip)
            return -token_mean(k, c["mask"])
        return loss
    return make


def sft(c):
    def loss(l, lm):
        right = torch.tensor([1.0 if a > 0.1 else 0.0 for a in c["accuracy"]])[:, None] * c["mask"]
        return 0.001 * token_mean(-l, right)
    return loss


METHODS = {
    "vppo": vppo, "vgpo": vgpo, "pgpo": pgpo, "kawhi": lambda c: kawhi(c, 0.1, 0.1, 0.1, 1.0), "kawhi_other": lambda c: kawhi(c, 0.7, 0.4, 0.5, 1.5), "tor": tor, "vepo": vepo, "vepo_exact": lambda c: vepo(c, exact=True), "pepo": pepo, "dvrp": dvrp, "va_opd": va_opd, "ptd": ptd, "roma": roma("response"), "roma_token": roma("token"), "sapo": sapo, "k3_k2": kl_value_and_gradient,
    "tis_token": tis("token"), "tis_sequence": tis("sequence"), "sft": sft,
    "perception_reverse": perception("reverse"), "perception_swapped": perception("swapped"), "perception_correct": perception(samples="correct_only"),
    "perception_weighted_top_clip": perception(samples="accuracy_weighted", top_tokens=0.3, clip=0.2), "perception_top": perception(top_tokens=0.2),
}


def case(index, name):
    g = torch.Generator().manual_seed(3000 + index)
    R = lambda *shape: torch.randn(*shape, generator=g)
    B, T = {"ragged": (6, 9), "single_token": (4, 1), "equal_policies": (4, 5), "extreme": (4, 6), "empty_rows": (5, 7), "everything_masked": (2, 3), "one_response": (1, 12)}[name]
    l = -(R(B, T).abs() * 1.5 + 0.05)
    old, ref, masked, behaviour = l + 0.25 * R(B, T), l + 0.5 * R(B, T), l - 0.5 * R(B, T).abs() + 0.3 * R(B, T), l + 0.2 * R(B, T)
    if name == "equal_policies":
        old = ref = masked = behaviour = l.clone()
    if name == "extreme":
        sign = torch.where(R(B, T) > 0, 30.0, -30.0)
        old, ref, masked, behaviour = l - sign, l - sign.flip(0), l + sign.roll(1, 1), l - sign.roll(1, 0)
    lengths = torch.randint(1, T + 1, (B,), generator=g)
    lengths[0] = T
    if name == "empty_rows":
        lengths[1] = lengths[3] = 0
    if name == "everything_masked":
        lengths[:] = 0
    mask = (torch.arange(T)[None] < lengths[:, None]).double()
    c = dict(name=name, logp=l, old_logp=old, ref_logp=ref, masked_logp=masked, behaviour_logp=behaviour, mask=mask, adv=R(B, 1).expand(B, T).clone(),
             entropy=R(B, T).abs() + 0.1, masked_entropy=R(B, T).abs() + 0.1, similarity=torch.rand(B, T, generator=g) * 2 - 1)
    # Inputs are float32 on the other side: equal to the bit here.
    c = {key: value.float().double() if isinstance(value, torch.Tensor) else value for key, value in c.items()}
    return dict(c, group=[b // 2 for b in range(B)], accuracy=[float(b % 2) for b in range(B)])


out = []
for index, name in enumerate(["ragged", "single_token", "equal_policies", "extreme", "empty_rows", "everything_masked", "one_response"]):
    c = case(index, name)
    losses = []
    for kind, make in METHODS.items():
        l, lm = c["logp"].clone().requires_grad_(True), c["masked_logp"].clone().requires_grad_(True)
        ln = c["ref_logp"].clone().requires_grad_(True)
        ld = (c["similarity"].abs() * 0.69).float().double().requires_grad_(True)
        loss = make(dict(c, noisy_leaf=ln, divergence_leaf=ld))(l, lm)
        gl, gm, gn, gd = torch.autograd.grad(loss, [l, lm, ln, ld], allow_unused=True) if loss.requires_grad else (None, None, None, None)
        lists = {name: None if g is None else g.tolist() for name, g in (("grad_logp", gl), ("grad_masked_logp", gm), ("grad_noisy_logp", gn))}
        if gn is None:
            del lists["grad_noisy_logp"]
        if gd is not None:
            lists["grad_divergence"] = gd.tolist()
        losses.append(dict(kind=kind, loss=loss.item(), **lists))
    out.append({**{key: value.tolist() if isinstance(value, torch.Tensor) else value for key, value in c.items()}, "losses": losses})
with open(f"{sys.argv[1]}/methods.json", "w") as file:
    json.dump(out, file)
