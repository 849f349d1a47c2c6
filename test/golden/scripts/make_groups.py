"""Golden values of methods that add groups to a step, in float64 with torch autograd; formulas written out again from the papers' releases.

usage: python make_groups.py <cases folder>

Writes <cases folder>/groups.json. "replay": kept groups with the step they were sampled in; p_i = (base_i + 1e-6) · exp(-age_i / tau), P proportional
to p_i^alpha, w_i = (N · P(i))^(-beta) / max w; a loss over fresh and kept groups whose ratio is against the log-probs of then. "roles": captions with
the accuracies of the answers to each; utilities, advantages within each group, a loss over both roles.
"""
import json
import sys

import torch

torch.set_default_dtype(torch.float64)


def advantages(rewards):
    """GRPO within one group, 0 where all agree."""
    r = torch.tensor(rewards)
    return torch.zeros_like(r) if (r == r[0]).all() else (r - r.mean()) / (r.std(unbiased=True) + 1e-6)


def policy_loss(logp, old, mask, A, weights, low=0.2, high=0.28):
    ratio = (logp - old).exp()
    term = torch.maximum(-A[:, None] * ratio, -A[:, None] * ratio.clamp(1 - low, 1 + high)) * weights[:, None]
    return (term * mask).sum() / mask.sum()


def arrays(generator, B, T, drift):
    """Log-probs, those that tokens were sampled with, and a mask; equal to the bit in float32."""
    R = lambda *shape: torch.randn(*shape, generator=generator)
    logp = -(R(B, T).abs() + 0.05)
    lengths = torch.randint(1, T + 1, (B,), generator=generator)
    lengths[0] = T
    mask = (torch.arange(T)[None] < lengths[:, None]).double()
    return [x.float().double() for x in (logp, logp + drift * R(B, T), mask)]


def gradient(loss_of, logp):
    leaf = logp.clone().requires_grad_()
    loss = loss_of(leaf)
    loss.backward()
    return loss.item(), leaf.grad.tolist()


def replay(index, name, options, fresh, kept, step, steps):
    g = torch.Generator().manual_seed(5000 + index)
    groups = [group["rewards"] for group in kept] + fresh
    B = sum(map(len, groups))
    logp, old, mask = arrays(g, B, 7, 0.4)
    A = torch.cat([advantages(rewards) for rewards in groups])
    lengths = mask.sum(-1)
    start, bases = 0, []
    for rewards in [group["rewards"] for group in kept]:
        rows = slice(start, start + len(rewards))
        base = torch.tensor(rewards).abs().mean() if options["priority"] == "reward" else (A[rows].abs() * lengths[rows]).sum() / lengths[rows].sum()
        bases.append(base.item())
        start += len(rewards)
    age = torch.tensor([float(step - group["step"]) for group in kept])
    decay = torch.ones_like(age) if options["ageDecay"] is None else (-age / options["ageDecay"]).exp()
    p = ((torch.tensor(bases) + 1e-6) * decay) ** options["exponent"]
    P = p / p.sum()
    beta = options["correction"] + (options["finalCorrection"] - options["correction"]) * (step - 1) / (steps - 1)
    w = (len(kept) * P) ** -beta
    w = w / w.max()
    rows = torch.cat([w[k].expand(len(group["rewards"])) for k, group in enumerate(kept)] + [torch.ones(sum(map(len, fresh)))])
    loss, grad = gradient(lambda l: policy_loss(l, old, mask, A, rows), logp)
    return dict(name=name, options=options, step=step, steps=steps, fresh=fresh, kept=kept, logp=logp.tolist(), old_logp=old.tolist(), mask=mask.tolist(),
                probability=P.tolist(), weight=w.tolist(), advantages=A.tolist(), loss=loss, grad_logp=grad)


def roles(index, name, accuracies):
    """accuracies[i]: of the answers to caption i; None for a response without a caption."""
    g = torch.Generator().manual_seed(6000 + index)
    utilities = [sum(own) / len(own) if own else 0.0 for own in accuracies]
    groups = [utilities] + [own for own in accuracies if own]
    logp, old, mask = arrays(g, sum(map(len, groups)), 6, 0.2)
    A = torch.cat([advantages(rewards) for rewards in groups])
    loss, grad = gradient(lambda l: policy_loss(l, old, mask, A, torch.ones(len(A))), logp)
    return dict(name=name, accuracies=accuracies, utilities=utilities, logp=logp.tolist(), old_logp=old.tolist(), mask=mask.tolist(), advantages=A.tolist(), loss=loss, grad_logp=grad)


DEFAULTS = dict(priority="reward", ageDecay=500, exponent=0.6, correction=0.4, finalCorrection=1)
KEPT = [dict(step=1, rewards=[1.0, 0.0, 0.0, 1.0]), dict(step=3, rewards=[1.0, 1.0, 1.0, 1.0]), dict(step=8, rewards=[0.0, 0.5, 0.0])]
FRESH = [[0.0, 1.0, 1.0], [0.25, -0.5]]
out = dict(
    replay=[
        replay(0, "rewards, slow decay", DEFAULTS, FRESH, KEPT, 9, 60),
        replay(1, "rewards, fast decay, last step", dict(DEFAULTS, ageDecay=3), FRESH, KEPT, 40, 40),
        replay(2, "advantages", dict(DEFAULTS, priority="advantage", ageDecay=20, exponent=1), FRESH, KEPT, 10, 20),
        replay(3, "no decay, no correction", dict(DEFAULTS, ageDecay=None, correction=0, finalCorrection=0), FRESH, KEPT, 9, 10),
    ],
    roles=[
        roles(0, "captions of different use", [[1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [0.0, 1.0]]),
        roles(1, "a response without a caption", [[1.0, 0.0, 0.0], None, [1.0, 1.0, 0.0]]),
        roles(2, "captions of equal use", [[1.0, 0.0], [0.0, 1.0]]),
    ],
)
with open(f"{sys.argv[1]}/groups.json", "w") as f:
    json.dump(out, f)
