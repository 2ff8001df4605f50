"""PictureScorer: what it reads, what it finds unusual, and which pixels it says speak for a reading."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.simulators import digits
from models.estimators.picture_scorer import PictureScorer
from models.presets import PRESETS
from models.tasks.classes import class_targets

NAMES = [column.name for column in digits.TABLE.features]
FRAME = digits.simulate(1_797, 0).frame
TARGETS = class_targets(digits.TABLE, FRAME)


@pytest.fixture(scope="module")
def scorer() -> PictureScorer:
    return fitted(digits.TABLE, FRAME)


def fitted(table: Any, frame: pd.DataFrame) -> PictureScorer:
    model = PictureScorer(table, PRESETS["fast"], 0)
    return model.fit(frame.iloc[:1_200], TARGETS[:1_200], validation=(frame.iloc[1_200:1_500], TARGETS[1_200:1_500]))


def test_fresh_pictures_are_read_and_calibrated(scorer: PictureScorer) -> None:
    """Nearly all right; the mean probability of what is read is the share that is right."""
    found = scorer.frame_scores(FRAME.iloc[1_500:])["probabilities"]
    right = found.argmax(axis=1) == TARGETS[1_500:]
    assert right.mean() > 0.95
    assert found.max(axis=1).mean() == pytest.approx(right.mean(), abs=0.03)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_moved_pictures_are_read_better_by_a_network_that_saw_moved_copies(scorer: PictureScorer) -> None:
    """All test pictures one pixel to the right."""
    without = PictureScorer(digits.TABLE, PRESETS["fast"], 0)
    without.n_copies = 0
    without.fit(FRAME.iloc[:1_200], TARGETS[:1_200], validation=(FRAME.iloc[1_200:1_500], TARGETS[1_200:1_500]))
    pixels = np.roll(FRAME[NAMES].to_numpy().reshape(-1, 8, 8), 1, axis=2)
    pixels[:, :, 0] = 0
    shifted = pd.DataFrame(pixels.reshape(-1, 64), columns=NAMES).iloc[1_500:]
    with_copies, alone = (
        (model.frame_scores(shifted)["probabilities"].argmax(axis=1) == TARGETS[1_500:]).mean()
        for model in (scorer, without)
    )
    assert with_copies > alone + 0.1


def test_unusual_is_a_percentile_of_known_pictures(scorer: PictureScorer) -> None:
    """Even on those that calibrated it; noise, inverted and blank pictures are at the top."""
    known = scorer.frame_scores(FRAME.iloc[1_200:1_500])["unusual"]
    np.testing.assert_allclose(np.quantile(known, [0.1, 0.5, 0.9]), [10, 50, 90], atol=1.5)
    rng, pixels = np.random.default_rng(0), FRAME[NAMES].to_numpy()[1_500:]
    for strange in (rng.integers(0, 17, pixels.shape), 16 - pixels, np.zeros_like(pixels)):
        found = scorer.frame_scores(pd.DataFrame(strange, columns=NAMES))["unusual"]
        assert (found >= 99).mean() > 0.95


def test_a_blank_picture_is_unusual_however_well_it_is_drawn_again(scorer: PictureScorer) -> None:
    """Here every known error counts as larger than any new one."""
    careless = copy.copy(scorer)
    careless.percentiles = scorer.percentiles + 1e6
    blank, known = scorer.encoder.encode_rows([dict.fromkeys(NAMES, 0), FRAME.iloc[0].to_dict()])
    assert careless.scores(np.stack([blank, known]))["unusual"].tolist() == [100, 0]


def test_saliency_adds_up_to_the_log_odds_from_blank(scorer: PictureScorer) -> None:
    """Of the two most probable levels, calibrated; a pixel without ink has no share, one alone beyond it has all."""
    blank = dict.fromkeys(NAMES, 0)
    for _, row in FRAME.iloc[1_500:1_510].iterrows():
        x, of_blank = scorer.encoder.encode_rows([row.to_dict(), blank])
        found, from_blank = np.log(scorer.scores(np.stack([x, of_blank]))["probabilities"])
        second, first = np.argsort(found)[-2:]
        shares = scorer.saliency(x)
        assert shares.shape == (64,)
        expected = (found[first] - found[second]) - (from_blank[first] - from_blank[second])
        assert shares.sum() == pytest.approx(expected, rel=1e-3, abs=1e-3)
        assert not shares[row[NAMES].to_numpy() == 0].any()


def test_erasing_the_salient_pixels_costs_more_than_erasing_others(scorer: PictureScorer) -> None:
    """The log-odds fall when ink that speaks for the reading goes, and less for as much other ink."""
    lost = []
    for _, row in FRAME.iloc[1_500:1_540].iterrows():
        x = scorer.encoder.encode_rows([row.to_dict()])[0]
        inked = [place for place in np.argsort(-scorer.saliency(x)) if row[NAMES[place]] > 4]
        erased = [{**row.to_dict(), **dict.fromkeys([NAMES[p] for p in some], 0)} for some in (inked[:3], inked[-3:])]
        sums = scorer._sums(scorer.encoder.encode_rows([row.to_dict(), *erased]))
        second, first = np.argsort(sums[0])[-2:]
        margins = sums[:, first] - sums[:, second]
        lost.append([margins[0] - margins[1], margins[0] - margins[2]])
    salient, others = np.mean(lost, axis=0)
    assert salient > max(0, others) + 1


def test_ink_that_is_written_as_light_is_read_alike() -> None:
    """Pictures with a bright background: blank is what their edges are."""
    light = FRAME.assign(**{name: 16 - FRAME[name] for name in NAMES})
    scorer = fitted(digits.TABLE, light)
    assert scorer.blank == 16
    found = scorer.frame_scores(light.iloc[1_500:])
    assert (found["probabilities"].argmax(axis=1) == TARGETS[1_500:]).mean() > 0.95


def test_missing_pixels_are_answered_and_their_saliency_has_one_place_each() -> None:
    """An optional pixel has a feature more, and still one share."""
    columns = tuple(
        dataclasses.replace(column, optional=True) if column.name == "p_3_4" else column
        for column in digits.TABLE.columns
    )
    frame = FRAME.astype({"p_3_4": float})
    frame.loc[::5, "p_3_4"] = np.nan
    scorer = fitted(dataclasses.replace(digits.TABLE, columns=columns), frame)
    x = scorer.encoder.encode_rows([{**FRAME.iloc[0].to_dict(), "p_3_4": None}])
    assert x.shape == (1, 65)
    assert scorer.saliency(x[0]).shape == (64,)
    assert np.isfinite(scorer.frame_scores(frame)["probabilities"]).all()


def test_the_hidden_layer_is_what_the_output_is_made_from(scorer: PictureScorer) -> None:
    """Its product with the last weights of the first network gives that network's sums."""
    X = scorer.encoder.transform(FRAME.iloc[:5])
    network = scorer.network.network_.member(0)
    last = network.layers[-1]
    hidden = scorer.hidden(X)
    assert hidden.shape == (5, 32)
    np.testing.assert_allclose(hidden @ last.weights[0] + last.biases[0], network.mean_sums(X), rtol=1e-4, atol=1e-4)
