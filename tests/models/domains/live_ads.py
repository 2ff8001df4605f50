"""Quickly trained ads models and bodies of rank requests, for the tests of the ads domain."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from data.checking import checked_frame
from models.contract import LiveModel
from models.domains._discovery import load_domains
from models.domains.ads.policy import AdsPolicy
from models.domains.ads.request import rank_body, rank_example
from models.estimators.table_classifier import TableClassifier
from models.presets import PRESETS

ADS = load_domains()["ads"]
USUAL = AdsPolicy()


def live_ads(policy: AdsPolicy = USUAL, *, n_members: int = 4, protected: bool = True) -> LiveModel:
    """A live model with this policy; `protected`: whether it reads protected columns."""
    return LiveModel(name="ads", version=1, domain=ADS, scorer=_scorer(n_members, protected), policy=policy)


@cache
def _scorer(n_members: int, protected: bool) -> TableClassifier:
    table = ADS.table if protected else ADS.table.without_protected_inputs()
    frame = checked_frame(table, ADS.simulate(3000, 0).frame, "simulated rows", training=True)
    labels = table.labels(frame)
    fast = PRESETS["fast"]
    preset = dataclasses.replace(fast, network={**fast.network, "n_members": n_members, "max_epochs": 6})
    first, second = (frame.iloc[::2], labels[::2]), (frame.iloc[1::2], labels[1::2])
    return ADS.build(table, preset, 0).fit(*first, validation=second)


def checked_body(live: LiveModel, candidates: Sequence[dict[str, Any]], **person: Any) -> Any:
    """The example request with other candidates, as it comes out of the request's check.

    A candidate that says nothing of its ad has the example's.
    """
    example = rank_example(live.table)
    ad = {"ad": example["candidates"][0]["ad"]}
    body = {**example, "person": {**example["person"], **person}, "candidates": [{**ad, **c} for c in candidates]}
    return TypeAdapter(rank_body(live.table)).validate_json(json.dumps(body))
