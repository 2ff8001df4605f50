"""TextScorer: calibrated probabilities of the classes of a text, and how unusual the text is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression

from data.table import Table
from models.arrays import Floats, Scores
from models.encoding.sentences.encoder import SentenceEncoder
from models.encoding.text_encoder import TextEncoder
from models.estimators.class_scorer import ClassScorer, softmax
from models.estimators.mistyped import mistyped
from models.estimators.percentiles import percentiles_in, quantile_table
from models.estimators.sparse_classifier import SparseClassifier
from models.estimators.word_shares import entry_shares, word_shares
from models.nn.sparse_rows import SparseRows
from models.nn.training import Callback
from models.presets import Preset

N_PERCENTILES = 1001
USUAL_SHARE = 0.98
"""Share of known texts that are usual enough, where no unknown ones were given."""
MIN_UNKNOWN = 10.0
"""Of texts as unusual as the limit, the share of all given unknown ones over that of all known ones."""
MIN_UNKNOWN_OF_SENTENCES = 5.0
"""The same with sentence vectors, which tell unknown texts so well that a lower limit costs few known ones."""
LIMITS = (90.0, 99.9)
"""Bounds of the limit, whatever unknown texts are given."""
SOFTNESS = 2.5
"""Divides the sums before the entropy that tells unknown texts, where the network reads sentence vectors."""
N_COPIES = 2
"""Mistyped copies of each training text: one wrong letter costs 2.7 points of accuracy instead of 3.7."""
SHAPES: Mapping[str, dict[str, Any]] = {
    "fast": {"hidden_layer_sizes": (128,), "n_members": 1},
    "balanced": {"hidden_layer_sizes": (256,), "n_members": 3},
    "best": {"hidden_layer_sizes": (256,), "n_members": 6},
}


class TextScorer(ClassScorer):
    """A sparse network on the n-grams of a text, with a softmax over the classes.

    Texts of the target's `outside` level are of no class: the network does not learn them. They set the limit of what
    is too unusual to be answered, and the probability that a text is of no class.

    Attributes
    ----------
    percentiles : of the unusualness of known texts that the network was not trained on, N_PERCENTILES from 0 to 100.
    limit : the percentile from which a text is refused.
    outside_slope, outside_intercept : log-odds of being of no class, by unusualness; both 0 if no such text was given.
    """

    stored_as: ClassVar[str] = "text_scorer"
    stored_fields: ClassVar[Mapping[str, str]] = {
        "table": "table",
        "encoder": "text_encoder",
        "network": "sparse_classifier",
        "temperature": "float",
        "percentiles": f"float64[{N_PERCENTILES}]",
        "limit": "float",
        "outside_slope": "float",
        "outside_intercept": "float",
    }
    reads_texts: ClassVar[bool] = True
    network: SparseClassifier
    encoder: Any

    def __init__(self, table: Table, preset: Preset, seed: int) -> None:
        self.table, self.encoder, self.temperature = table, TextEncoder(table), 1.0
        self.network = SparseClassifier(
            **SHAPES[preset.name],
            activation="relu",
            dropout=0.5,
            learning_rate=1e-3,
            schedule="cosine",
            weight_decay=1e-2,
            n_folds=1,
            input_scale_rate=0.0,
            patience=60,
            random_state=seed,
        )

    def read_sentences(self, sentences: SentenceEncoder) -> None:
        """See `TableScorer`."""
        self.encoder.sentences = sentences

    def fit(
        self,
        frame: pd.DataFrame,
        targets: npt.NDArray[Any],
        *,
        validation: tuple[pd.DataFrame, npt.NDArray[Any]],
        negative_sample_rate: float = 1.0,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """See `TableScorer`; trains on mistyped copies as well. Small files are read more often, in smaller batches."""
        known, held_out = self._known(frame, targets), self._known(*validation)
        n_known = len(known[1])
        self.network.set_params(
            batch_size=64 if n_known >= 2_000 else 16, max_epochs=int(np.clip(63_000 / max(n_known, 1), 4, 42))
        )
        self.encoder.fit(known[0])
        grown, classes = self._with_copies(*known, seed=self.network.random_state)
        X, weights = self.encoder.transform(grown), self.table.row_weights(grown)
        self._learn(X, classes, weights, held_out, negative_sample_rate, callbacks)
        return self._limited(frame, targets, validation)

    def refine(
        self,
        frame: pd.DataFrame,
        targets: npt.NDArray[Any],
        *,
        validation: tuple[pd.DataFrame, npt.NDArray[Any]],
        seed: int,
        negative_sample_rate: float = 1.0,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """See `TableScorer`; with mistyped copies, and the limit is set anew."""
        held_out = self._known(*validation)
        super().refine(
            *self._with_copies(*self._known(frame, targets), seed=seed),
            validation=held_out,
            seed=seed,
            negative_sample_rate=negative_sample_rate,
            callbacks=callbacks,
        )
        return self._limited(frame, targets, validation)

    def _with_copies(
        self, frame: pd.DataFrame, targets: npt.NDArray[Any], *, seed: int
    ) -> tuple[pd.DataFrame, npt.NDArray[Any]]:
        """The rows, followed by their mistyped copies."""
        name, rng = self.table.text.name, np.random.default_rng(seed)
        texts = frame[name].fillna("").tolist()
        copies = [frame.assign(**{name: mistyped(texts, rng)}) for _ in range(N_COPIES)]
        return pd.concat([frame, *copies], ignore_index=True), np.tile(targets, N_COPIES + 1)

    def _limited(
        self, frame: pd.DataFrame, targets: npt.NDArray[Any], validation: tuple[pd.DataFrame, npt.NDArray[Any]]
    ) -> Self:
        """Itself, with the limit set on the held-out texts of a class and all of none."""
        of_none = pd.concat([texts[self._outside(found)] for texts, found in ((frame, targets), validation)])
        groups = self._known(*validation)[0], of_none
        self._set_limit(*(self.unusualness(self._sums(self.encoder.transform(texts))) for texts in groups))
        return self

    def _outside(self, targets: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        level = self.table.target.outside
        outside: npt.NDArray[np.bool_] = targets == (-1 if level is None else self.table.target.levels.index(level))
        return outside

    def _known(self, frame: pd.DataFrame, targets: npt.NDArray[Any]) -> tuple[pd.DataFrame, npt.NDArray[Any]]:
        inside = ~self._outside(targets)
        return frame[inside], targets[inside]

    def _set_limit(self, of_known: Floats, of_unknown: Floats) -> None:
        """The percentiles, and the limit, by the unusualness of held-out known texts, and of unknown ones if any.

        Of the log-odds of being unknown, which logistic regression finds smoothly, the limit is where `MIN_UNKNOWN`
        shares of unknown texts stand against one of the known; `MIN_UNKNOWN_OF_SENTENCES` with sentence vectors.
        """
        self.percentiles = quantile_table(of_known, N_PERCENTILES)
        self.limit, self.outside_slope, self.outside_intercept = 100 * USUAL_SHARE, 0.0, 0.0
        if not len(of_unknown):
            return
        both = np.concatenate([of_known, of_unknown])
        model = LogisticRegression(C=1e3).fit(both[:, None], np.arange(len(both)) >= len(of_known))
        slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
        odds = MIN_UNKNOWN if self.encoder.sentences is None else MIN_UNKNOWN_OF_SENTENCES
        if slope > 0:  # the given ones are more unusual
            self.outside_slope, self.outside_intercept = slope, intercept
            of_limit = (np.log(odds * len(of_unknown) / len(of_known)) - intercept) / slope
            self.limit = float(np.clip(percentiles_in(self.percentiles, of_limit), *LIMITS))

    def scores(self, X: Any) -> Scores:
        """`probabilities` of shape (n_rows, n_levels), `unusual` percentiles, and 1 for texts that are `refused`."""
        sums = self._sums(X)
        strange = self.unusualness(sums)
        percentiles = percentiles_in(self.percentiles, strange)
        probabilities = np.zeros((len(sums), len(self.table.target.levels)))
        probabilities[:, self.network.classes_] = softmax(sums / self.temperature)
        if self.outside_slope and self.table.target.outside is not None:
            of_none = 1 / (1 + np.exp(-self.outside_slope * strange - self.outside_intercept))
            probabilities *= 1 - of_none[:, None]
            probabilities[:, self.table.target.levels.index(self.table.target.outside)] = of_none
        refused = (percentiles >= self.limit).astype(np.float64)
        return {"probabilities": probabilities, "unusual": percentiles, "refused": refused}

    def unusualness(self, sums: Floats) -> Floats:
        """How little texts are like any class, by the network's sums: shape (n_rows,)."""
        return unusualness(sums, with_sentences=self.encoder.sentences is not None)

    def word_shares(self, words: list[str], x: SparseRows) -> Floats:
        """The share of each word of a text in the difference between its two largest sums: shape (n_words,).

        Parameters
        ----------
        words : of the text, see `models.encoding.words`. x : the text, encoded.
        """
        network: Any = self.network.network_
        sums = network.mean_sums(x)[0]
        first, second = np.argsort(-sums)[:2]
        weights = np.zeros(len(sums))
        weights[first], weights[second] = 1, -1
        return word_shares(self.encoder, words, entry_shares(network, x, weights), x)


def unusualness(sums: Floats, *, with_sentences: bool = False) -> Floats:
    """How little a text is like any class, by the network's sums of shape (n_rows, n_classes): (n_rows,).

    The entropy of their softmax, less half the largest sum: an unknown text has no clear winner, and a weak one. A
    network that reads sentence vectors is so sure of a winner that the entropy of softer shares tells more.
    """
    shares = softmax(sums / SOFTNESS if with_sentences else sums)
    entropies: Floats = -(shares * np.log(np.maximum(shares, 1e-12))).sum(axis=1)
    return entropies if with_sentences else entropies - sums.max(axis=1) / 2
