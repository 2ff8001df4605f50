"""Trained: a trained model with its training, validation and test rows."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from data.gates import Gates
from data.splits import SplitRows
from data.window_events import KnownPositives
from models.arrays import Floats, Scores
from models.contract import Predictions, Targets, Task
from models.estimators.table_scorer import TableScorer
from models.training.champion_rows import ChampionRows
from models.training.common_test import CommonTest
from models.training.known_rows import KnownRows


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained model with its rows: checked, labelled and split.

    Parameters
    ----------
    negative_sample_rate : share of the negative rows that it was trained on.
    refined_from : the version whose weights it started from, None for a model trained from scratch.
    raw_frame : unchecked rows, for a champion that reads other columns.
    frame, labels : checked rows with windows, and their targets.
    seconds : time of training and of predicting the test rows.
    positives : see `data.windows.checked_history`.
    common : the model's common test set, None if there is none yet.
    champion_rows : what the champion knows of the rows, None if there is none.
    """

    task: Task
    scorer: TableScorer
    preset: str
    negative_sample_rate: float = 1.0
    refined_from: int | None
    raw_frame: pd.DataFrame
    frame: pd.DataFrame
    labels: Targets
    rows: SplitRows
    test_scores: Scores
    seconds: float
    positives: KnownPositives | None = None
    common: CommonTest | None = None
    champion_rows: ChampionRows | None = None

    @property
    def gates(self) -> Gates:
        """The gates of the table."""
        return self.scorer.table.gates

    @property
    def test_predictions(self) -> Predictions:
        """Its predictions on the test set."""
        return self.test_scores[self.task.prediction]

    @property
    def test_probabilities(self) -> Floats:
        """Probabilities of the test rows, of a binary task."""
        return self.test_scores["probability"]

    @property
    def test_labels(self) -> Targets:
        """Labels of the test rows."""
        return self.labels[self.rows.test]

    @property
    def test_weights(self) -> Floats | None:
        """Weights of the test rows, with mean 1; None if the table has none."""
        return self.scorer.table.row_weights(self.frame.iloc[self.rows.test])

    @property
    def known_rows(self) -> KnownRows | None:
        """The rows that this version knows, those of the refined one included; None if no column may be stored."""
        own = KnownRows.of(self.scorer.table, self.frame, self.rows)
        if own is None or self.refined_from is None:
            return own
        return own.with_those_of(None if self.champion_rows is None else self.champion_rows.known)

    def constant_predictions(self, predictions: Predictions) -> Predictions:
        """What the training rows' outcomes alone predict in place of these: the base rate, of a binary task."""
        rows = self.rows.train
        return self.task.constant(self.scorer.table, self.frame.iloc[rows], self.labels[rows], predictions)

    @property
    def origin(self) -> str:
        """The version it was refined from, in words; empty for a model trained from scratch."""
        return "" if self.refined_from is None else f"refined from version {self.refined_from}"

    @property
    def sampling(self) -> str:
        """The negative sampling, in a sentence; empty if there was none."""
        if self.negative_sample_rate == 1:
            return ""
        return (
            f"Trained on all positive rows and a random {100 * self.negative_sample_rate:.4g} % of the negative ones; "
            "probabilities are corrected for that, and the test set is not sampled."
        )
