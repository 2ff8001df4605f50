"""Learning-rate schedules: the factor on the base rate by progress of the training, from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

Schedule: TypeAlias = Callable[[float], float]


def constant(progress: float) -> float:
    """A constant rate."""
    return 1.0


def cosine(progress: float) -> float:
    """From 1 to 0 along half a cosine (Loshchilov and Hutter 2017)."""
    return 0.5 * (1 + math.cos(math.pi * progress))


def step(progress: float) -> float:
    """1, then a tenth of it for the last third."""
    return 1.0 if progress < 2 / 3 else 0.1


def exponential(progress: float) -> float:
    """From 1 down to a hundredth, by a constant factor per step."""
    return float(0.01**progress)


def warmup_cosine(progress: float) -> float:
    """Linearly from 0 to 1 over the first twentieth, then along half a cosine to 0."""
    warmup = 0.05
    if progress < warmup:
        return progress / warmup
    return cosine((progress - warmup) / (1 - warmup))


def coslog4(progress: float) -> float:
    """Four waves, each twice as long as the last: (1 - cos(2 pi log2(1 + 15 t))) / 2 (Holzmueller et al. 2024)."""
    return 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * progress)))


SCHEDULES: dict[str, Schedule] = {
    schedule.__name__: schedule for schedule in (constant, cosine, step, exponential, warmup_cosine, coslog4)
}
