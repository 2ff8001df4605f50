"""Encoding of a category, flag or key: a vector for each level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.column import Column, level_text
from models.arrays import Floats, Labels
from models.encoding.arrays import Features
from models.encoding.level_statistics import STATISTICS, cross_fitted_statistics, level_statistics, statistics_that_tell

_MAX_OWN_WITH_STATISTICS = 32  # levels with a feature of their own if there are statistics
_MAX_SHARED = 32  # hash buckets for the rarer levels of a key if there are statistics
_MAX_COUNTED = 20_000  # levels with statistics; bounds the size of the look-up
_MASKED_SHARE = 0.1  # of the training rows that stand for unseen levels if there are statistics
_MAX_MASKED_OF_LEVEL = 0.25  # share of a level's rows that may be masked
_SOFT_CLIP = 3.0  # scaled statistics stay within this, as scaled numbers do


class CategoryBlock:
    """One category, flag or key: each level is a row of `vectors`.

    A level that is frequent enough in training has a one-hot feature. Rarer and unseen levels share a feature, missing
    values have another. If no training row has such a shared feature, its weights were never trained; the mean vector
    of the training rows replaces it then.

    A category of many levels gets up to two more features, if there are labels: see `level_statistics`. The rarer
    levels of such a key are hashed to several shared features. An unseen one gets their average, so that the answer
    does not depend on how an unknown ID is spelled. Some training rows of such a category are encoded as unseen, so
    that the network learns what that means: see `_with_masks`.

    Parameters
    ----------
    max_levels : maximum number of levels with a feature of their own.
    least_rows : training rows that a level needs for that.
    statistics_from : minimum number of levels for statistics, 0 for never.
    """

    stored_as: ClassVar[str] = "category_block"
    stored_fields: ClassVar[Mapping[str, str]] = {
        "name": "text",
        "max_levels": "int",
        "least_rows": "int",
        "statistics_from": "int",
        "is_key": "bool",
        "missing_texts": "text[]",
        "spellings": "float{}",
        "levels": "text[]",
        "statistics": "int[statistics]",
        "n_own": "int",
        "n_shared": "int",
        "kept": "int64[kept]",
        "vectors": "float32[codes, features]",
        "statistics_mean": "float64[statistics]?",
        "statistics_scale": "float64[statistics]?",
    }

    def __init__(self, column: Column, *, max_levels: int, least_rows: int, statistics_from: int = 0) -> None:
        self.name = column.name
        self.max_levels, self.least_rows, self.statistics_from = max_levels, least_rows, statistics_from
        self.is_key = column.kind == "key"
        self.missing_texts = [level_text(code) for code in column.missing]
        self.spellings = column.flag_values if column.kind == "flag" else {}
        self.levels = ["false", "true"] if self.spellings else []
        self.statistics: list[int] = []  # positions in STATISTICS

    def fit(self, frame: pd.DataFrame, labels: Labels | None = None) -> None:
        """Learn the levels, their statistics, and which shared features occur in training."""
        n_own = len(self.levels)
        if not self.spellings:
            counts = frame[self.name].map(self._text).value_counts()
            self.statistics = self._statistics_of(frame, labels, len(counts))
            max_levels, least_rows = self.max_levels, self.least_rows
            if self.statistics:  # they represent the rarer levels well enough
                max_levels, least_rows = min(max_levels, _MAX_OWN_WITH_STATISTICS), 3 * least_rows
            # In a small table, a twentieth of the rows is enough for a feature of its own
            frequent = counts[counts >= min(least_rows, max(len(frame) // 20, 1))]
            own = sorted(map(str, frequent.index[:max_levels]))
            n_own = len(own)
            # Also levels of one row: training rows are encoded by the other rows of their level, so a level with one
            # other row has statistics in training, and must have them for new rows
            counted: list[Any] = list(counts.index[:_MAX_COUNTED]) if self.statistics else []
            self.levels = own + sorted(set(map(str, counted)) - set(own))
        self._index_levels()
        codes = self.codes_of_frame(frame)
        masked = self._with_masks(codes)
        self.vectors: Features = self._own_and_shared(n_own, masked)
        if self.statistics and labels is not None:
            statistics = level_statistics(codes, labels, n_levels=len(self.vectors))[:, self.statistics]
            statistics[self.unseen_code] = 0
            self.statistics_mean = statistics[masked].mean(axis=0)
            self.statistics_scale = np.maximum(statistics[masked].std(axis=0), 1e-6)
            self.vectors = np.hstack([self.vectors, self._scaled(statistics)])

    def _with_masks(self, codes: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """The codes of training rows, some replaced by that of unseen levels if there are statistics.

        Rows of levels that occur once are as good as unseen, since no other row tells their statistics. Where they are
        too few, random rows stand in: of each level about equally many, since an unseen level is a draw of levels and
        need not resemble the largest.
        """
        if not self.statistics:
            return codes
        n_levels = len(self.levels)
        counts = np.bincount(codes, minlength=n_levels + 2)
        n_alone = int((counts[:n_levels] == 1).sum() + counts[self.unseen_code])
        of_each = max(_MASKED_SHARE * len(codes) - n_alone, 0) / max(int((counts[:n_levels] > 1).sum()), 1)
        chances = np.minimum(of_each / np.maximum(counts, 1), _MAX_MASKED_OF_LEVEL)
        chances[n_levels:] = 0
        rng = np.random.default_rng(crc32(self.name.encode()))  # other rows than in other columns
        return np.where(rng.random(len(codes)) < chances[codes], self.unseen_code, codes)

    def _statistics_of(self, frame: pd.DataFrame, labels: Labels | None, n_levels: int) -> list[int]:
        """The statistics to use, as positions in STATISTICS; none if there are few levels."""
        if labels is None or not 0 < self.statistics_from <= n_levels:
            return []
        codes, _ = pd.factorize(frame[self.name].map(self._text), use_na_sentinel=False)
        return statistics_that_tell(codes, labels)

    def _own_and_shared(self, n_own: int, seen_codes: npt.NDArray[np.intp]) -> Features:
        """One-hot rows for the first `n_own` levels and for missing; rarer and unseen levels share features."""
        self.n_own, n_levels = n_own, len(self.levels)
        self.n_shared = _MAX_SHARED if self.is_key and self.statistics and n_levels > n_own else 1
        rows_of = np.bincount(seen_codes, minlength=n_levels + 2)
        vectors = np.zeros((n_levels + 2, n_own + self.n_shared + 1))
        # Not hash(), which differs from process to process
        shared = [n_own + crc32(level.encode()) % self.n_shared for level in self.levels[n_own:]]
        vectors[np.arange(n_levels), [*range(n_own), *shared]] = 1
        vectors[self.missing_code, -1] = 1
        rarer = (rows_of @ vectors)[n_own:-1]
        vectors[self.unseen_code, n_own:-1] = rarer / rarer.sum() if rarer.any() else 1 / self.n_shared
        seen = rows_of @ vectors
        self.kept = np.flatnonzero((seen > 0) | (np.arange(len(seen)) < n_own))
        for code in (self.unseen_code, self.missing_code):
            if not seen[vectors[code] > 0].all():
                vectors[code] = seen / max(seen.sum(), 1)
        return np.ascontiguousarray(vectors[:, self.kept], np.float32)

    def training_features(self, frame: pd.DataFrame, labels: Labels, rng: np.random.Generator) -> Features:
        """All features of training rows: some masked, the statistics of a level's other rows (cross-fitting)."""
        codes = self.codes_of_frame(frame)
        masked = self._with_masks(codes)
        statistics = cross_fitted_statistics(codes, labels, n_levels=len(self.vectors), rng=rng)[:, self.statistics]
        statistics[masked == self.unseen_code] = 0
        features = self.vectors[masked]
        features[:, -len(self.statistics) :] = self._scaled(statistics)
        return features

    def _scaled(self, statistics: Floats) -> Features:
        """Standardised and softly clipped: where counts are nearly equal, others are dozens of deviations off."""
        scaled = (statistics - self.statistics_mean) / self.statistics_scale
        return np.asarray(scaled / np.sqrt(1 + (scaled / _SOFT_CLIP) ** 2), np.float32)

    @property
    def unseen_code(self) -> int:
        """The row of `vectors` for unseen levels."""
        return len(self.levels)

    @property
    def missing_code(self) -> int:
        """The row of `vectors` for missing values, the last one."""
        return len(self.levels) + 1

    def _text(self, value: object) -> str | None:
        """The level as canonical text, None where the value is missing."""
        if value is None or pd.isna(value):  # type: ignore[call-overload]
            return None
        text = level_text(value)
        return None if text in self.missing_texts else text

    def _index_levels(self) -> None:
        """Build the look-up. Whole numbers are in it as text and as numbers, since requests may hold either."""
        if self.spellings:
            codes = {text: int(number) for text, number in self.spellings.items()}
        else:
            codes = {level: code for code, level in enumerate(self.levels)}
            codes = {**{level_text(level): code for level, code in codes.items()}, **codes}
        numbers = {int(text): code for text, code in codes.items() if text.isdecimal() and str(int(text)) == text}
        self._code_of: dict[Any, int] = {**codes, **numbers}

    def code(self, value: object) -> int:
        """The row of `vectors` for a raw value."""
        code = self._code_of.get(value)
        if code is None:
            text = self._text(value)
            if text is None:
                return self.missing_code
            code = self._code_of.get(text, self.unseen_code)
        return code

    def codes_of_values(self, values: Sequence[object]) -> list[int]:
        """The rows of `vectors` for raw values."""
        codes = list(map(self._code_of.get, values))
        if None in codes:  # rare, so the fast path above comes first
            return [self.code(value) if code is None else code for code, value in zip(codes, values, strict=True)]
        return codes  # type: ignore[return-value]

    def is_unseen(self, value: object) -> bool:
        """Whether the value was too rare in training to have a code of its own, or absent."""
        return self.code(value) == self.unseen_code

    def codes_of_frame(self, frame: pd.DataFrame) -> npt.NDArray[np.intp]:
        """Row of `vectors` for every row of the frame."""
        positions, uniques = pd.factorize(frame[self.name], use_na_sentinel=False)
        codes = np.array([self.code(value) for value in uniques], np.intp)
        return codes[positions]

    @property
    def owners(self) -> list[str]:
        """The column, once for each feature."""
        return [self.name] * (len(self.kept) + len(self.statistics))

    @property
    def feature_names(self) -> list[str]:
        """Name of each feature."""
        shared = [f"{self.name} rare {i}" for i in range(self.n_shared)]
        names = [*(f"{self.name}={level}" for level in self.levels[: self.n_own]), *shared, f"{self.name} missing"]
        statistics = [f"{self.name} {STATISTICS[i]}" for i in self.statistics]
        return [*(names[i] for i in self.kept), *statistics]

    def __getstate__(self) -> dict[str, Any]:
        """All attributes but the look-up, which is derived from the levels."""
        return {name: value for name, value in self.__dict__.items() if name != "_code_of"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._index_levels()

    def check_restored(self) -> None:
        """ValueError unless every code has a vector, and every feature a name."""
        codes, shape = self._code_of.values(), (len(self.levels) + 2, len(self.kept) + len(self.statistics))
        if self.vectors.shape != shape or not all(0 <= code < len(self.levels) for code in codes):
            raise ValueError(f"{len(self.levels)} levels need vectors of shape {shape}, got {self.vectors.shape}")
        n_names = min(self.n_own, len(self.levels)) + self.n_shared + 1
        if not all(0 <= i < n_names for i in self.kept) or not all(0 <= i < len(STATISTICS) for i in self.statistics):
            raise ValueError(f"kept must be positions among {n_names} features, statistics among {len(STATISTICS)}")
