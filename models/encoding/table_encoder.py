"""TableEncoder: encodes a frame, or the rows of a request, as one float32 matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from data.column import Column
from data.errors import TableError
from data.table import Table
from models.encoding.arrays import FEW_ROWS, Features
from models.encoding.categories import CategoryBlock
from models.encoding.feature_groups import FeatureGroups
from models.encoding.frames import binary_labels, frame_of, table_by_types
from models.encoding.numbers import NumberBlock
from models.encoding.times import TimeBlock
from models.encoding.unseen import uncovered, unseen_columns, unseen_in_rows
from models.presets import PRESETS, EncoderSettings, PresetName


class TableEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Encode the columns of a table as the inputs of a network.

    Numbers become a robustly scaled value and a piecewise-linear encoding on quantile bins, categories, flags and keys
    one-hot features, times points on circles of the calendar; see `numbers`, `categories` and `times`. Missing values
    and unseen levels are encoded, never an error. `transform` takes frames, `encode_rows` takes rows as mappings
    without going through pandas; for the same values both give the same bits.

    Parameters
    ----------
    table : the description of the columns; features and time are encoded. None infers it from the dtypes: numbers,
        times, and everything else as categories.
    preset : "fast", "balanced" or "best", see `models.presets`; supplies the next four where they are None.
    n_bins : maximum number of quantile bins of a number, 0 for none.
    n_target_bins : maximum number of bins of a number between edges at which the target's rate changes, see
        `target_bins`; 0 for none.
    most_values : a number with at most that many distinct values has bins between them instead.
    statistics_from : categories of at least that many levels also get their levels' event rates and counts as features,
        see `level_statistics`; 0 for none. These are cross-fitted in `fit_transform`, which therefore differs from
        `transform`.
    max_levels : maximum number of levels of a category with a feature of their own.
    least_rows : training rows that a level needs for that (fewer in small tables).
    rows_per_chunk : rows encoded at once; bounds the memory needed besides the result.

    Attributes
    ----------
    table_ : the table used.
    owners_ : for each feature the index, among the encoded columns, of its column; shape (n_features,).
    directions_ : for each feature the direction in which the target may move as it rises, from its column: 1 up, -1
        down, 0 either way; shape (n_features,), a `monotonic_cst` for the estimators.
    column_names_ : the encoded columns.
    """

    stored_as: ClassVar[str] = "table_encoder"
    stored_fields: ClassVar[Mapping[str, str]] = {
        "table": "table",
        "preset": "text",
        **dict.fromkeys(PRESETS["balanced"].encoder, "int?"),
        "max_levels": "int",
        "least_rows": "int",
        "rows_per_chunk": "int",
        "numbers_": "number_block",
        "others_": "category_block|time_block[]",
    }
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "table": [Table, None],
        "preset": [StrOptions(set(PRESETS))],
        **{name: [Interval(Integral, 0, None, closed="left"), None] for name in PRESETS["balanced"].encoder},
        "max_levels": [Interval(Integral, 1, None, closed="left")],
        "least_rows": [Interval(Integral, 1, None, closed="left")],
        "rows_per_chunk": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        table: Table | None = None,
        *,
        preset: PresetName = "balanced",
        n_bins: int | None = None,
        n_target_bins: int | None = None,
        most_values: int | None = None,
        statistics_from: int | None = None,
        max_levels: int = 128,
        least_rows: int = 10,
        rows_per_chunk: int = 8192,
    ) -> None:
        self.table = table
        self.preset = preset
        self.n_bins = n_bins
        self.n_target_bins = n_target_bins
        self.most_values = most_values
        self.statistics_from = statistics_from
        self.max_levels = max_levels
        self.least_rows = least_rows
        self.rows_per_chunk = rows_per_chunk

    @property
    def settings(self) -> EncoderSettings:
        """The preset's parameters, overridden by those that are given."""
        return EncoderSettings(
            **{
                name: of_preset if (given := getattr(self, name)) is None else given
                for name, of_preset in PRESETS[self.preset].encoder.items()
            }
        )

    def fit(self, X: Any, y: Any = None) -> TableEncoder:
        """Learn ranges, bins and levels from a frame (or array) of training rows.

        Parameters
        ----------
        X : frame or array of shape (n_rows, n_columns).
        y : target of shape (n_rows,). Target-aware features need two classes; they are left out for other targets and
            for None.

        Raises
        ------
        ValueError
            There are no rows or columns, or a column holds what its kind cannot.
        """
        self._validate_params()
        settings = self.settings
        frame = frame_of(self, X, fitting=True)
        if frame.empty:
            raise ValueError(f"Found {len(frame)} rows and {frame.shape[1]} columns; at least one of each is needed")
        labels = binary_labels(y, len(frame))
        self.table_ = self.table if self.table is not None else table_by_types(frame)
        columns = self.table_.features
        if texts := [column.name for column in columns if column.kind == "text"]:
            raise TableError(f"column {texts[0]!r}: this model reads no free text; set role = 'ignore'")
        self.numbers_ = NumberBlock(
            [column for column in columns if column.kind == "number"],
            n_bins=settings.n_bins,
            n_target_bins=settings.n_target_bins,
            most_values=settings.most_values,
        )
        self.others_ = [self._new_block(column) for column in columns if column.kind != "number"]
        for block in (self.numbers_, *self.others_):
            block.fit(frame, labels)
        self._lay_out()
        return self

    def _new_block(self, column: Column) -> TimeBlock | CategoryBlock:
        if column.kind == "time":
            return TimeBlock(column)
        statistics_from = self.settings.statistics_from
        return CategoryBlock(
            column, max_levels=self.max_levels, least_rows=self.least_rows, statistics_from=statistics_from
        )

    def _lay_out(self) -> None:
        """Assign the features of all blocks to columns of the matrix."""
        blocks = [self.numbers_, *self.others_]
        owners = [owner for block in blocks for owner in block.owners]
        self.column_names_ = [column.name for column in self.table_.features]
        if not owners:
            raise ValueError(
                f"column(s) {', '.join(map(repr, self.column_names_))} give no input: training must cover at least a "
                f"whole day, week or year of a time"
            )
        positions = {name: i for i, name in enumerate(self.column_names_)}
        self.owners_ = np.array([positions[owner] for owner in owners], np.intp)
        self.directions_ = np.zeros(len(owners), np.int8)
        self.directions_[: len(self.numbers_.owners)] = self.numbers_.directions
        widths = [len(block.owners) for block in blocks]
        self._categories = [block for block in self.others_ if isinstance(block, CategoryBlock)]
        self.slices_ = [[start, stop] for start, stop in pairwise(np.cumsum([0, *widths]).tolist())]

    def check_restored(self) -> None:
        """Lay the features out; ValueError unless the parameters are allowed and the blocks are those of the table."""
        self._validate_params()
        assert self.table is not None  # noqa: S101 - a stored encoder has one
        self.table_ = self.table
        columns = self.table_.features
        numbers, others = ([one.name for one in columns if (one.kind == "number") == is_number] for is_number in (1, 0))
        if self.numbers_.names != numbers or [block.name for block in self.others_] != others:
            raise ValueError(f"numbers must be of the columns {numbers}, others of {others}")
        for block in self.others_:
            if isinstance(block, TimeBlock) != (self.table_[block.name].kind == "time"):
                raise ValueError(f"column {block.name!r} of the table is of kind {self.table_[block.name].kind!r}")
        self._lay_out()

    def fit_transform(self, X: Any, y: Any = None) -> Features:
        """Fit, and encode the training rows without leaking their own labels; see `statistics_from`."""
        encoded = self.fit(X, y).transform(X)
        frame = frame_of(self, X, fitting=False)
        labels = binary_labels(y, len(frame))
        for block, (start, stop) in zip(self.others_, self.slices_[1:], strict=True):
            if isinstance(block, CategoryBlock) and block.statistics and labels is not None:
                rng = np.random.default_rng(0)  # fixed: the folds of cross-fitting are not a parameter
                encoded[:, start:stop] = block.training_features(frame, labels, rng)
        return encoded

    @property
    def groups_(self) -> FeatureGroups:
        """The features with coarser bins, see `numbers`; all other features are groups of one."""
        numbers = self.numbers_.groups
        n_others = len(self.owners_) - len(numbers.groups)
        first = len(numbers.starts)
        return FeatureGroups(
            np.concatenate([numbers.weights, np.ones(n_others, np.float32)]),
            np.concatenate([numbers.groups, np.arange(first, first + n_others)]),
        )

    def transform(self, X: Any) -> Features:
        """Encode a frame (or array): float32 of shape (n_rows, n_features)."""
        check_is_fitted(self)
        frame = frame_of(self, X, fitting=False)
        out = np.empty((len(frame), len(self.owners_)), np.float32)
        for first in range(0, len(frame), self.rows_per_chunk):
            chunk = frame.iloc[first : first + self.rows_per_chunk]
            part = out[first : first + self.rows_per_chunk]
            if self.numbers_.names:
                self.numbers_.encode(self.numbers_.values_of_frame(chunk), self._numbers_of(part))
            for block, (start, stop) in zip(self.others_, self.slices_[1:], strict=True):
                if isinstance(block, TimeBlock):
                    block.encode(block.parts_of_frame(chunk), part[:, start:stop])
                else:
                    part[:, start:stop] = np.take(block.vectors, block.codes_of_frame(chunk), axis=0)
        return out

    def encode_rows(self, rows: Sequence[Mapping[str, Any]]) -> Features:
        """Encode rows given as mappings from column name to value: float32 of shape (n_rows, n_features)."""
        out = np.empty((len(rows), len(self.owners_)), np.float32)
        if not len(rows):
            return out
        if self.numbers_.names:
            self.numbers_.encode(self.numbers_.values_of_rows(rows), self._numbers_of(out))
        for block, (start, stop) in zip(self.others_, self.slices_[1:], strict=True):
            if isinstance(block, TimeBlock):
                block.encode(block.parts_of_rows(rows), out[:, start:stop])
            elif len(rows) < FEW_ROWS:
                for i, row in enumerate(rows):
                    out[i, start:stop] = block.vectors[block.code(row.get(block.name))]
            else:
                codes = block.codes_of_values([row.get(block.name) for row in rows])
                out[:, start:stop] = np.take(block.vectors, codes, axis=0)
        return out

    def features_of(self, name: str) -> npt.NDArray[np.intp]:
        """Indices of a column's features; they depend on no other column."""
        return np.flatnonzero(self.owners_ == self.column_names_.index(name))

    def encode_values(self, name: str, values: Sequence[Any]) -> Features:
        """Values of one column alone, encoded: float32 of shape (n_values, number of its features)."""
        return self.encode_rows([{name: value} for value in values])[:, self.features_of(name)]

    def unseen_columns(self, row: Mapping[str, Any]) -> list[str]:
        """See `unseen.unseen_columns`."""
        return unseen_columns(self._categories, row)

    def unseen_in_rows(self, rows: Sequence[Mapping[str, Any]]) -> dict[int, list[str]]:
        """See `unseen.unseen_in_rows`."""
        return unseen_in_rows(self._categories, rows)

    def uncovered(self, frame: pd.DataFrame) -> Iterator[tuple[str, str, npt.NDArray[np.intp]]]:
        """See `unseen.uncovered`."""
        numbers = {column.name for column in self.table_.columns if column.window is None}
        ranges = {name: ends for name, ends in self.numbers_.ranges.items() if name in numbers}
        return uncovered(self.numbers_, ranges, self._categories, frame)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Name of each feature, e.g. "income", "income>1200", "housing=rent"; `input_features` is not used."""
        check_is_fitted(self)
        return np.array([name for block in (self.numbers_, *self.others_) for name in block.feature_names], object)

    def _numbers_of(self, out: Features) -> Features:
        start, stop = self.slices_[0]
        return out[:, start:stop]

    def __sklearn_tags__(self) -> Any:
        """Missing values, text and categories are allowed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
