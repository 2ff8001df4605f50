"""State: every attribute of a model comes back, and any other value is refused by its path."""

from __future__ import annotations

import copy
import json
import math
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load, save

from data.column import Column
from data.table import Table
from models.domains._discovery import load_domains
from models.errors import BundleError
from models.estimators import BackpropClassifier, BackpropRegressor
from models.estimators.calibration import LogOddsCalibrator
from models.estimators.table_classifier import TableClassifier
from models.nn.sparse_layer import SparseLayer
from models.presets import PRESETS
from models.registry import stored_types as stored_types_module
from models.registry.state import ARRAYS, STATE, dump_state, load_state
from models.registry.stored_types import stored_types
from tests.conftest import quick_scorer

NOT_STORED = {
    "_code_of",
    "_generator",
    "_optimizer",
    "_shape",
    "callbacks",
    "gradients",
    "held_out_sums_",
    "has_codes",
    "layers",
    "table_",
}
"""What is made anew, follows from the rest, or was of use in training alone."""
TABLE = Table(
    name="t",
    columns=(
        Column(name="age", kind="number", missing=(-1,), direction=1, ordered_above=0.0),
        Column(name="income", kind="number"),
        Column(name="home", kind="category"),
        Column(name="member", kind="flag"),
        Column(name="time", kind="time", role="time", time_input=True),
        Column(name="bad", kind="flag", role="target"),
    ),
)
Tree = dict[str, Any]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": rng.choice([-1.0, 0.0, 30.0, 41.0, 52.0, 63.0], 300),
            "income": np.where(rng.random(300) < 0.1, np.nan, rng.gamma(2, 1000, 300)),
            "home": rng.choice(["own", "rent", "mädchen"], 300),
            "member": rng.choice(["true", "false"], 300),
            "time": pd.date_range("2024-01-01", periods=300, freq="h"),
        }
    )


@pytest.fixture(scope="module")
def model(frame: pd.DataFrame) -> TableClassifier:
    labels = (frame["income"] < 1500).to_numpy(np.int64)
    return TableClassifier(TABLE, PRESETS["fast"], 0).fit(frame, labels, validation=(frame, labels))


@pytest.fixture(scope="module")
def files(model: TableClassifier) -> dict[str, bytes]:
    return dump_state(model, "t")


@pytest.fixture
def tree(files: dict[str, bytes]) -> Tree:
    parsed: Tree = json.loads(files[STATE])
    return parsed


def loaded(files: dict[str, bytes], tree: Tree | None = None) -> Any:
    state = files[STATE] if tree is None else json.dumps(tree).encode()
    return load_state(state, files[ARRAYS], "d" * 64)


def assert_alike(found: Any, expected: Any, path: str = "") -> None:
    """Equal to the last bit, attribute by attribute; what was a tuple may be a list."""
    if isinstance(expected, np.ndarray):
        np.testing.assert_array_equal(found, expected, strict=True, err_msg=path)
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected), path
        for i, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert_alike(one, other, f"{path}[{i}]")
    elif isinstance(expected, dict):
        assert list(found) == list(expected), path
        for key in expected:
            assert_alike(found[key], expected[key], f"{path}.{key}")
    elif hasattr(expected, "stored_as"):
        assert type(found) is type(expected), path
        # None takes the place of an attribute that the rest of the object makes needless
        names = {name for name, value in vars(found).items() if value is not None} | vars(expected).keys()
        for name in names - NOT_STORED:
            assert_alike(getattr(found, name), getattr(expected, name, None), f"{path}.{name}")
    elif isinstance(expected, SparseLayer):
        for name in ("weights", "biases", "n_members", "dropout", "input_dropout"):
            assert_alike(getattr(found, name), getattr(expected, name), f"{path}.{name}")
    else:
        assert (type(found), found) == (type(expected), expected), path


def test_every_attribute_comes_back(model: TableClassifier, files: dict[str, bytes]) -> None:
    """Of a model with every kind of column."""
    assert_alike(loaded(files), model)


@pytest.mark.parametrize("name", load_domains())
def test_models_of_every_domain_come_back(name: str) -> None:
    """With the types that only they have."""
    scorer = quick_scorer(load_domains()[name], 0)
    again = loaded(dump_state(scorer, name))
    assert_alike(again, scorer)


@pytest.mark.parametrize("preset", ["fast", "balanced"])
def test_estimators_alone_come_back(preset: Any, frame: pd.DataFrame) -> None:
    """Each predicts the same bits and can be trained further."""
    X, y = np.random.default_rng(1).normal(size=(200, 3)).astype(np.float32), np.arange(200) % 3
    classifier = BackpropClassifier(preset=preset, max_epochs=2, random_state=0, monotonic_cst=None).fit(X, y)
    regressor = BackpropRegressor(preset=preset, max_epochs=2, random_state=0, monotonic_cst=[1, 0, -1]).fit(X, X[:, 0])
    for one in (classifier, regressor):
        again = loaded(dump_state(one, "x"))
        np.testing.assert_array_equal(again.predict(X), one.predict(X), strict=True)
        before = again.network_.parameters
        again.partial_fit(X, y if one is classifier else X[:, 0])
        assert not np.array_equal(again.network_.parameters, before)


def test_a_time_with_a_zone_and_plain_values_come_back(
    files: dict[str, bytes], tree: Tree, model: TableClassifier
) -> None:
    """Whatever a cell of a table may hold keeps its type."""
    changed = copy.deepcopy(model)
    row = {
        **model.background.reference_row,
        "time": datetime(2024, 5, 1, 12, 0, 0, 5, tzinfo=UTC),
        "age": 5,
        "home": None,
    }
    object.__setattr__(changed.background, "reference_row", row)
    assert_alike(loaded(dump_state(changed, "t")).background.reference_row, row)


def changes() -> Iterator[tuple[str, Any, str]]:
    """Path of a value, another value, and how that is refused."""
    yield "type", "os.system", "must be an object of type .*, got 'os.system'"
    yield "type", ["network"], "must be an object of type .*, got list"
    yield "calibrator", "calibrator", "calibrator: must be an object of type calibrator, got 'calibrator'"
    yield "calibrator.type", "network", "calibrator: must be an object of type calibrator, got 'network'"
    yield "calibrator.slope", "1", "calibrator.slope: must be of the kind float, got '1'"
    yield "calibrator.slope", True, "calibrator.slope: must be of the kind float, got True"
    yield "calibrator.slope", None, "calibrator.slope: must be of the kind float, got None"
    yield "calibrator.slope", math.inf, "Infinity is not JSON"
    yield "calibrator.slope", 10**400, "calibrator.slope: must be a finite number"
    yield "calibrator.more", 1, "calibrator: unknown field 'more'"
    yield "network.callbacks", [], "network: unknown field 'callbacks'"
    yield "network.n_epochs_", 1.5, "network.n_epochs_: must be of the kind int, got 1.5"
    yield "network.n_epochs_", 2**63, "network.n_epochs_: must be a finite number"
    yield "network.batch_size", 0.5, "network.batch_size: must be of the kind int or text, got 0.5"
    yield "network.optimizer", "rmsprop", "network: The 'optimizer' parameter .*'rmsprop'"
    yield "network.n_features_in_", 3, "network: the network has .* inputs for 3 features"
    yield "network.network_", {"type": "calibrator"}, "network.network_: must be an object of type network, got 'calib"
    yield "network.network_.parameters", [0.5], r"network_.parameters: must be .*, got list"
    yield (
        "network.network_.parameters",
        {"array": "base"},
        "network_.parameters: must be {'array': 'network.network_.par",
    )
    yield "network.network_.widths", [3], "network_: widths must be 2 to 100 numbers of at least 1"
    yield "network.network_.widths", [1] * 101, "network_: widths must be 2 to 100 numbers"
    yield (
        "network.network_.widths",
        [10**6, 10**6, 1],
        r"1 network\(s\) of widths .* have 1000002000001 parameters, not",
    )
    yield "network.network_.n_members", 0, "network_: widths must be .* n_members at least 1"
    yield "network.network_.output_activation", "os", "network_: unknown activation 'os'; available: identity, "
    yield "network.network_.directions", [1], "network_: directions must have one number for each of"
    yield "encoder.rows_per_chunk", 0, "encoder: The 'rows_per_chunk' parameter"
    yield "encoder.others_", [], "encoder: numbers must be of the columns"
    yield "encoder.others_[0].name", "member", "encoder: numbers must be of the columns"
    yield "encoder.others_[0].type", "time_block", r"encoder.others_\[0\]: unknown field 'is_key'"
    yield "encoder.others_[0].levels", ["own"], r"encoder.others_\[0\]: 1 levels need vectors of shape \(3, "
    yield "encoder.others_[1].spellings", {"true": 7.0}, r"encoder.others_\[1\]: 2 levels need vectors"
    yield "encoder.others_[0].n_own", -5, r"encoder.others_\[0\]: kept must be positions among"
    yield "encoder.others_[0].statistics", [1], r"encoder.others_\[0\]: 3 levels need vectors"
    yield "encoder.others_[2].kept", [0, 7], r"encoder.others_\[2\]: kept must be positions among 3 parts"
    yield "encoder.others_[2].kept", [], r"encoder.others_\[2\].circles: must have the length 0, has"
    yield "encoder.numbers_.names", ["age"], r"encoder.numbers_.codes: must have the length 1, has 2"
    yield "encoder.numbers_.names[0]", "\ud800", r"encoder.numbers_.names\[0\]: .* is not Unicode text"
    yield "encoder.numbers_.codes[0][0]", "x", r"encoder.numbers_.codes\[0\]\[0\]: must be of the kind float, got 'x'"
    yield "encoder.table.columns[0].kind", "number?", "encoder.table.columns.0.kind: Input should be 'number', "
    yield "table.columns[1].name", "age", "table: table 't': .* described twice: age"
    yield "background.bands[0]", None, r"background.bands\[0\]: must be an object of type score_band, got None"
    yield "background.bands", {}, "background.bands: must be a list, got dict"
    yield "background.usual_values", [], "background.usual_values: must be an object, got list"
    yield "background.reference_row.time", {"time": "now"}, "reference_row: must be a plain value or .*ISO 8601"
    yield "background.reference_row.time", {"time": "2024-01-01", "fold": 1}, "reference_row: must be a plain value or"
    yield "background.reference_row.age", {"type": "network"}, "reference_row: must be a plain value or"
    yield "background.reference_row.age", [], "reference_row: must be of the kind value, got list"
    yield "background.reference_row", {}, "the reference row lacks"


def put(tree: Any, path: str, value: Any) -> None:
    """Put a value at a path such as "encoder.others_[0].name"."""
    *before, last = [int(key[1:-1]) if key[0] == "[" else key for key in re.findall(r"\[\d+\]|[^.\[]+", path)]
    for key in before:
        tree = tree[key]
    tree[last] = value


@pytest.mark.parametrize(("path", "value", "problem"), list(changes()), ids=lambda value: str(value)[:50])
def test_a_value_that_may_not_be_is_refused_by_its_path(
    files: dict[str, bytes], tree: Tree, path: str, value: Any, problem: str
) -> None:
    """The text names path and value; what it may be follows from `stored_fields`."""
    put(tree, path, value)
    with pytest.raises(BundleError, match=f"^bundle dddddddddddd: state.json: .*{problem}"):
        loaded(files, tree)


@pytest.mark.parametrize(
    "path", ["base", "network", "encoder.numbers_", "encoder.others_[0].vectors", "calibrator.type"]
)
def test_a_missing_field_is_named(files: dict[str, bytes], tree: Tree, path: str) -> None:
    """None has a value of its own when it is absent."""
    parent, _, name = path.rpartition(".")
    put(tree, path, None)
    node = tree
    for key in re.findall(r"\[\d+\]|[^.\[]+", parent):
        node = node[int(key[1:-1]) if key[0] == "[" else key]
    del node[name]
    with pytest.raises(BundleError, match=f"field '{name}' is missing|must be an object of type"):
        loaded(files, tree)


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        (
            "network.network_.parameters",
            lambda array: np.where(np.arange(len(array)) == 3, np.nan, array),
            "finite numbers",
        ),
        (
            "network.network_.parameters",
            lambda array: np.where(np.arange(len(array)) == 3, np.inf, array),
            "finite numbers",
        ),
        (
            "network.network_.parameters",
            lambda array: array.astype(float),
            r"must be float32\[parameters\], got float64",
        ),
        (
            "network.network_.parameters",
            lambda array: array[None],
            r"must be float32\[parameters\], got float32 of shape",
        ),
        ("network.network_.parameters", lambda array: array[:-1], "parameters, not"),
        ("reference", lambda array: array[:-1], "reference, reference_inputs and network must be of"),
        ("encoder.numbers_.bin_owners", lambda array: array + 1, "must hold positions among 2 numbers"),
        ("encoder.numbers_.bin_owners", lambda array: array - 1, "must hold positions among 2 numbers"),
        ("encoder.numbers_.bin_starts", lambda array: array[1:], "must have the length"),
        ("encoder.numbers_.floors", lambda array: array * np.nan, "must not hold NaN"),
        ("encoder.numbers_.medians", lambda array: array + np.inf, "must hold finite numbers"),
        ("encoder.others_[0].vectors", lambda array: array[:-1], "levels need vectors of shape"),
        ("encoder.others_[2].circles[0]", lambda array: array[:-1], "circles must have"),
        ("encoder.others_[2].circles[0]", lambda array: array[:, :1], "must have the length 2, has 1"),
        ("network.classes_", lambda array: np.append(array, 2), "outputs for 3 classes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_array_that_may_not_be_is_refused_by_its_path(
    files: dict[str, bytes], name: str, change: Callable[[Any], Any], problem: str
) -> None:
    """Type, shape, what is finite, and positions that must exist."""
    arrays = load(files[ARRAYS])
    arrays[name] = np.ascontiguousarray(change(arrays[name]).astype(change(arrays[name]).dtype))
    path = re.escape(name.rpartition(".")[0])
    with pytest.raises(BundleError, match=f"state.json: .*{path}.*{problem}"):
        load_state(files[STATE], save(arrays), "d" * 64)


def test_infinite_floors_are_allowed(files: dict[str, bytes]) -> None:
    """A number without codes has no floor."""
    assert np.isneginf(loaded(files).encoder.numbers_.floors).tolist() == [False, True]


def test_arrays_are_all_there_and_no_other(files: dict[str, bytes]) -> None:
    """What no field takes is no part of the model."""
    arrays = load(files[ARRAYS])
    with pytest.raises(BundleError, match=r"state\.safetensors: unknown array 'more'"):
        load_state(files[STATE], save({**arrays, "more": np.zeros(3)}), "d" * 64)
    del arrays["reference"]
    with pytest.raises(BundleError, match=r"state\.json: reference: must be {'array': 'reference'} and stand in"):
        load_state(files[STATE], save(arrays), "d" * 64)


def test_an_array_is_taken_once(files: dict[str, bytes], tree: Tree) -> None:
    """Each has the name of its own path."""
    tree["reference"] = {"array": "reference_inputs"}
    with pytest.raises(BundleError, match=r"state\.json: reference: must be {'array': 'reference'}"):
        loaded(files, tree)


VALUES = (None, True, -1, 2**62, 1e308, -0.0, "x", [], {}, [[]], {"type": "calibrator"}, {"array": "x"})


def paths_of(tree: Any, path: str = "") -> Iterator[str]:
    """Paths to the values of a tree; of lists the first two items."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree[:2]) if isinstance(tree, list) else ()
    for key, value in items:
        inner = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}" if path else key
        if key != "columns":  # of tables, which the manifest's tests are about
            yield inner
            yield from paths_of(value, inner)


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_whatever_stands_anywhere_is_refused_or_answers(
    files: dict[str, bytes], frame: pd.DataFrame, value: Any
) -> None:
    """No value at any place makes loading fail otherwise than with a BundleError, or a loaded model fail to answer."""
    tree = json.loads(files[STATE])
    n_loaded = 0
    for path in list(paths_of(tree)):
        changed = json.loads(files[STATE])
        put(changed, path, value)
        try:
            model = loaded(files, changed)
        except BundleError:
            continue
        n_loaded += 1
        if isinstance(model, TableClassifier):
            with np.errstate(all="ignore"):
                assert model.probabilities(frame[:5]).shape == (5,), path
    assert n_loaded < 100


class Forged:
    """A class under the name of another one."""

    stored_as: ClassVar[str] = "network"
    stored_fields: ClassVar[dict[str, str]] = {}


def test_two_types_of_one_name_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A domain cannot take the place of a type by its name."""
    everywhere = (*stored_types_module.OF_ALL_DOMAINS, Forged)
    monkeypatch.setattr(stored_types_module, "OF_ALL_DOMAINS", everywhere)
    with pytest.raises(TypeError, match="Network and Forged are both stored as 'network'"):
        stored_types()


@pytest.mark.parametrize("one", stored_types().values(), ids=lambda one: one.stored_as)
def test_declared_kinds_are_known(one: Any) -> None:
    """Every field is of a kind that the module's text explains, and "< length" names a length before it."""
    names = "|".join(["int", "float", "bool", "text", "value", "table", *stored_types()])
    array = r"(float16|float32|float64|int8|int64)\[\w*(, \w*)*\]( < \w+)?( or inf)?"
    kind = re.compile(rf"(({names})(\|({names}))*|{array})(\[\w*\]|{{}})*\??")
    lengths: set[str] = set()
    for field, declared in one.stored_fields.items():
        assert kind.fullmatch(declared), field
        lengths |= set(re.findall(r"\w+", " ".join(re.findall(r"\[([^\]]*)\]", declared))))
        if below := re.search(r"< (\w+)", declared):
            assert below[1] in lengths, field


@pytest.mark.parametrize(
    "state", [b" " * (2**24 + 1), b"[" + b"[]," * 200_000 + b"[]]", b"[" + b"1," * 500_001 + b"1]"]
)
def test_a_tree_of_too_many_values_is_not_parsed(files: dict[str, bytes], state: bytes) -> None:
    """What it would become takes many times its bytes."""
    with pytest.raises(BundleError, match=r"state\.json is too large and was not read"):
        load_state(state, files[ARRAYS], "d" * 64)


def test_what_does_not_fit_is_not_stored() -> None:
    """A number that would be rounded, or that is none."""
    calibrator = LogOddsCalibrator()
    calibrator.slope = math.nan
    with pytest.raises(BundleError, match="the model cannot be stored: slope: must be a finite number"):
        dump_state(calibrator, "x")
    X = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    model = BackpropClassifier(max_epochs=1).fit(X, np.repeat(["no", "yes"], 30))
    with pytest.raises(BundleError, match=r"cannot be stored: classes_: must be int64\[classes\], got <U3"):
        dump_state(model, "x")


def test_an_object_of_another_type_is_not_stored() -> None:
    """There is no name for it."""
    with pytest.raises(BundleError, match="cannot be stored: object is not a stored type"):
        dump_state(object(), "x")


def test_a_whole_number_that_its_size_cannot_hold_is_not_stored(model: TableClassifier) -> None:
    """1000 would be -24 in eight bits."""
    encoder = deepcopy(model.encoder)
    encoder.numbers_.column_directions = np.array([1000, 0])
    with pytest.raises(BundleError, match=r"numbers_\.column_directions: numbers are too large for int8"):
        dump_state(encoder, "x")
