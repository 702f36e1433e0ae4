"""Whether two questions can be told apart by how long their answers take (test T10 of the security design)."""

import random
import statistics
import time
from collections.abc import Callable

LOWEST, HIGHEST = 0.45, 0.55
GAP_SECONDS = 0.0005


def seconds_of_pairs(one: Callable[[], object], other: Callable[[], object], pairs: int) -> tuple[list[float], list[float]]:
    """How long each took, asked in turns in random order by the same client."""
    taken: dict[int, list[float]] = {0: [], 1: []}
    for _ in range(pairs):
        order = [0, 1]
        random.shuffle(order)
        for which in order:
            started = time.perf_counter()
            (one, other)[which]()
            taken[which].append(time.perf_counter() - started)
    return taken[0], taken[1]


def rank_auc(first: list[float], second: list[float]) -> float:
    """How often a random one of the second takes longer than a random one of the first; a half where they are alike."""
    ranked = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    total, position = 0.0, 0
    while position < len(ranked):
        end = position
        while end < len(ranked) and ranked[end][0] == ranked[position][0]:
            end += 1
        total += sum(which for _, which in ranked[position:end]) * (position + end + 1) / 2
        position = end
    return (total - len(second) * (len(second) + 1) / 2) / (len(first) * len(second))


def is_told_apart(first: list[float], second: list[float]) -> bool:
    """Beyond the bound: the ranks differ, and so do the medians by half a millisecond."""
    gap = abs(statistics.median(first) - statistics.median(second))
    return not LOWEST <= rank_auc(first, second) <= HIGHEST and gap > GAP_SECONDS


def differ(one: Callable[[], object], other: Callable[[], object], pairs: int) -> bool:
    """Measures once, and after a failure twice more: two of three decide."""
    if not is_told_apart(*seconds_of_pairs(one, other, pairs)):
        return False
    again = [is_told_apart(*seconds_of_pairs(one, other, pairs)) for _ in range(2)]
    return any(again)
