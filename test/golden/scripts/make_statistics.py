"""Statistics of evaluations by numpy and exact fractions: pass@k, maj@k, quantiles, kappa, bootstrap intervals.

python test/golden/scripts/make_statistics.py cases
"""
import json
import sys
from fractions import Fraction
from itertools import combinations
from math import comb
from pathlib import Path

import numpy as np

rng = np.random.default_rng(7)


def pass_at_k(n, c, k):
    return float(1 - Fraction(comb(n - c, k), comb(n, k)))


def majority(votes):
    """Share of the commonest answers that are right; answers that are None do not vote."""
    counts = {}
    for answer, right in votes:
        if answer is not None:
            counts.setdefault(answer, [0, right])[0] += 1
    if not counts:
        return Fraction(0)
    most = max(count for count, _ in counts.values())
    winners = [right for count, right in counts.values() if count == most]
    return Fraction(sum(winners), len(winners))


def majority_at_k(votes, k):
    """Over all subsets of k votes."""
    subsets = list(combinations(votes, k))
    return float(sum((majority(subset) for subset in subsets), Fraction(0)) / len(subsets))


def draw_votes(n):
    answers = [None if rng.random() < 0.1 else str(rng.integers(0, 4)) for _ in range(n)]
    return [[answer, answer == "0"] for answer in answers]


def bootstrap(values, draws=200_000):
    indices = rng.integers(0, len(values), size=(draws, len(values)))
    return np.quantile(np.asarray(values)[indices].mean(axis=1), [0.025, 0.975]).tolist()


def kappa(counts):
    counts = np.asarray(counts, dtype=np.float64)
    total = counts.sum()
    observed = np.trace(counts) / total
    expected = (counts.sum(axis=1) * counts.sum(axis=0)).sum() / total**2
    return float((observed - expected) / (1 - expected))


passes = [(n, int(c), k) for n in (1, 4, 8, 64, 256) for c in sorted({0, 1, n // 3, n - 1, n}) for k in sorted({1, 2, n // 2, n}) if 1 <= k <= n]
votes = [draw_votes(n) for n in (4, 6, 8, 8, 10)]
samples = [rng.random(17).tolist(), (rng.random(200) < 0.3).astype(float).tolist(), np.repeat([0.0, 0.25, 1.0], 40).tolist()]
tables = [rng.integers(1, 30, size=(3, 3)).tolist(), [[20, 5], [10, 15]]]
golden = {
    "pass": [{"n": n, "c": c, "k": k, "value": pass_at_k(n, c, k)} for n, c, k in passes],
    "majority": [{"votes": list_, "k": k, "value": majority_at_k(list_, k)} for list_ in votes for k in (1, 2, 3, len(list_))],
    "quantiles": [{"values": sorted(values), "q": q, "value": float(np.quantile(values, q))} for values in samples for q in (0.0, 0.025, 0.5, 0.975, 1.0)],
    "bootstrap": [{"values": values, "mean": float(np.mean(values)), "interval": bootstrap(values)} for values in samples],
    "kappa": [{"counts": counts, "value": kappa(counts)} for counts in tables],
}
Path(sys.argv[1], "statistics.json").write_text(json.dumps(golden) + "\n")
