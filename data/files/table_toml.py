"""Tables as editable TOML, and as the dictionary behind it."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import tomli_w
from pydantic import ValidationError

from data.column import Column
from data.errors import TableError
from data.gates import Gates
from data.replies import MAX_REPLY_CHARACTERS, Reply
from data.series.spec import SeriesSpec
from data.table import Table
from data.window import Window

HEADER = """\
# Columns in the order of requests. Correct wrong inferences, then train.
#
# kind          what the column holds:
#   number        an amount or a count; with unit, minimum, maximum, whole (true: no fraction) and
#                 direction (1: the prediction can only rise with it, -1: only fall; with ordered_above, only above
#                 that number: numbers up to it are codes without an order among themselves, below all others)
#   category      one of a few levels, also where codes are written as numbers (1 = single, 2 = married);
#                 if levels are given, training refuses others
#   flag          true or false; levels holds its two spellings, the false one first
#   key           an id or name with many values; whole = true, also of a category without levels: they are whole
#                 numbers, so that 7, 7.0 and 07 are one
#   time          a date or time; format says how it is written where that is not ISO 8601: "%d/%m/%Y" (the codes of
#                 Python's strptime), "epoch seconds", "epoch milliseconds" or "excel days"
#   text          free text; an input of models of messages, and of no others
#   numbers       a list of numbers, such as the past values of a series; most_numbers says how many at most, and
#                 positive_numbers = true that all are above 0
# role          what the column is for:
#   feature       an input (also where no role is given)
#   target        what to predict; positive is the value that counts as class 1
#   weight        how much the row counts: in training, calibration and evaluation
#   propensity    in advertising tables: probability with which the row's ad was randomly chosen, above 0, at most 1
#   time          when the row happened; rows are then split by it, and not predicted from it unless time_input = true,
#                 which makes its hour and weekday inputs
#   entity        whose row it is (a card, a customer); windows over its earlier rows may become inputs.
#                 The first entity is the subject, whose rows are reviewed together
#   event         the row's own id: rows with the same id are the same event, and count once
#   series        in tables of series: the name of the series that the row's value, the target, belongs to
#   position      in tables of series without times: the value's place in its series, as whole numbers
#   ignore        never used
# outside       the target's level of rows that belong to none of the others
# description   what the column means; shown in the API documentation and forms
# meanings      what levels mean where they are codes, e.g. {A11 = "below 0 DM"}
# unit          of a number, e.g. "EUR"
# minimum, maximum   bounds, inclusive
# missing       codes that mean "no value", e.g. [-1, "unknown"]
# optional      true: may be empty in a file, and null or absent in a request
# default       of an input: its value where a request, or a file to score, lacks it; give it to an input that is new,
#               so that callers of earlier versions are not refused
# protected     true: sex, age and the like; used in fairness reports, and not an input if the domain forbids it
# actionable    true: the person can change it, so counterfactuals may name it
# reasons       sentences for when the column counts against someone: by value, "above" or "below" (numbers, against
#               the reference), "missing", or "any" otherwise; {value} and {reference} are filled in, e.g.
#               {0 = "There are no savings", below = "Savings of {value} are less than the usual {reference}"}
# stored        how the audit log stores the values: plain, hashed (equal values stay equal) or left_out; for
#               personal data
# amount        true: the money at stake in the row
# window        the column is computed, from the rows of an entity in the days before, e.g.
#               {entity = "card", measure = "mean", days = 30, of = "amount"}; not part of files and requests.
#               measure is count, sum, mean, max, z_score (of a number with minimum and maximum), distinct (of a key or
#               category), since_last, positives or positive_rate (labels known label_delay_days, default 7, after it)
# measure       of the target of a table of series, which holds levels such as prices: "level" forecasts them;
#               "return", their returns, is for Python alone (models.series.returns), and training refuses it
# part          in advertising tables: "person", "context" or "ad"
# example       a value of a real row
#
# [gates]       what a new version must reach to go live by itself, each with its default:
#   min_events = 10                 least number of test rows with, and of test rows without, the event
#   min_auc                         least AUC on the test set, beside the domain's
#   calibration_tolerance = 0.25    how far calibration may be off beyond chance
#   margin = 0.01                   how much worse than the champion and the best earlier version it may be, as a share
#                                   of the loss of always predicting the base rate
#   max_test_rows = 20000           test rows of the first version that are kept to compare all versions; 0 keeps none
#
# [answers.LEVEL]   what is said to messages of this level of the target:
#   text            what it says
#   handover        true: a person takes over after it
#
# [series]      the rows are values of series, and forecasts go on from the last one of each:
#   horizon                         how many steps are forecast; always given
#   frequency = "observations"      the step: H (hours), D (days), B (Mondays to Fridays), W (weeks), MS (months), QS
#                                   (quarters), YS (years); observations: one value follows the other, whatever the time
#   season = 1                      steps of a season, e.g. 12 for the years of months; 1 for none
#   transform = "none"              log: forecast the logarithm, of values above 0
#   floor                           no value and no forecast is below it, e.g. 0 for what is counted
#   gaps = "keep"                   of periods without a value: keep (leave them out), carry (repeat the value before),
#                                   or refuse

"""

_Block = TypeVar("_Block", Gates, SeriesSpec)

_DEFAULTS: dict[str, Any] = {
    field.name: field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    for field in dataclasses.fields(Column)
    if field.name != "name"
}


def table_as_dict(table: Table) -> dict[str, Any]:
    """The table as plain values: `name`, `description`, and `columns` by name, with only what is not a default.

    The order of `columns` is the order of the table, so do not sort the keys when writing it. `gates` are there if any
    is set.
    """
    columns = {column.name: _column_as_dict(column) for column in table.columns}
    usual = dataclasses.asdict(Gates())
    gates = {name: value for name, value in dataclasses.asdict(table.gates).items() if value != usual[name]}
    found = {"name": table.name, "description": table.description, "columns": columns}
    answers = {
        level: {"text": reply.text, **({"handover": True} if reply.handover else {})}
        for level, reply in table.answers.items()
    }
    blocks = {"gates": gates, "answers": answers, "series": _series_as_dict(table.series)}
    return {**found, **{name: block for name, block in blocks.items() if block}}


def _series_as_dict(series: SeriesSpec | None) -> dict[str, Any]:
    if series is None:
        return {}
    usual = dataclasses.asdict(SeriesSpec(horizon=series.horizon))
    given = dataclasses.asdict(series)
    return {name: value for name, value in given.items() if name == "horizon" or value != usual[name]}


def _column_as_dict(column: Column) -> dict[str, Any]:
    given = {name: getattr(column, name) for name in _DEFAULTS}
    return {name: _plain(value) for name, value in given.items() if value != _DEFAULTS[name]}


def _plain(value: object) -> object:
    """A field's value as a TOML type."""
    if isinstance(value, Window):
        return {name: given for name, given in dataclasses.asdict(value).items() if given is not None}
    return list(value) if isinstance(value, tuple) else value


def table_from_dict(described: Mapping[str, Any]) -> Table:
    """The table that `table_as_dict` wrote; TableError names column, field, value and what is allowed."""
    if unknown := sorted(set(described) - {"name", "description", "columns", "gates", "answers", "series"}):
        raise TableError(
            f"unknown field {unknown[0]!r}; a table has name, description, columns, gates, answers and series"
        )
    if not described.get("name"):
        raise TableError("the table has no name; start the file with name = '...'")
    columns = described.get("columns")
    if not isinstance(columns, Mapping) or not columns:
        raise TableError("there are no columns; describe each under [columns.NAME]")
    made = tuple(_column_from_dict(name, fields) for name, fields in columns.items())
    gates, answers = _gates_from_dict(described.get("gates", {})), _answers_from_dict(described.get("answers", {}))
    try:
        return Table(
            name=described["name"],
            description=described.get("description", ""),
            columns=made,
            gates=gates,
            answers=answers,
            series=_series_from_dict(described.get("series")),
        )
    except ValidationError as error:
        raise TableError(_first_mistake(error)) from error


def _gates_from_dict(fields: object) -> Gates:
    return _block_from_dict("gates", Gates, fields, "margin = 0.01")


def _series_from_dict(fields: object) -> SeriesSpec | None:
    if fields is None:
        return None
    if isinstance(fields, Mapping) and "horizon" not in fields:
        raise TableError("series: 'horizon' is missing; it is the number of steps to forecast, such as 13")
    return _block_from_dict("series", SeriesSpec, fields, "horizon = 13")


def _block_from_dict(block: str, made: type[_Block], fields: object, example: str) -> _Block:
    """The settings under `[block]`."""
    known = [field.name for field in dataclasses.fields(made)]
    if not isinstance(fields, Mapping):
        raise TableError(f"{block}: must be a table of fields, such as {example}; got {fields!r}")
    if unknown := [field for field in fields if field not in known]:
        raise TableError(f"{block}: unknown field {unknown[0]!r}; there are {', '.join(known)}")
    try:
        return made(**fields)
    except ValidationError as error:
        raise TableError(f"{block}: {_first_mistake(error)}") from error


def _answers_from_dict(described: object) -> dict[str, Reply]:
    if not isinstance(described, Mapping):
        raise TableError(f"answers: must be tables such as [answers.LEVEL] with a text; got {described!r}")
    return {level: _reply_from_dict(f"answers.{level}", fields) for level, fields in described.items()}


def _reply_from_dict(place: str, fields: object) -> Reply:
    if not isinstance(fields, Mapping):
        raise TableError(f"{place}: must be a table with a text; got {fields!r}")
    if unknown := sorted(set(fields) - {"text", "handover"}):
        raise TableError(f"{place}: unknown field {unknown[0]!r}; an answer has text and handover")
    text, handover = fields.get("text"), fields.get("handover", False)
    if not isinstance(text, str) or not 1 <= len(text) <= MAX_REPLY_CHARACTERS:
        raise TableError(f"{place}: 'text' must be 1 to {MAX_REPLY_CHARACTERS:,} characters; got {text!r:.100}")
    if not isinstance(handover, bool):
        raise TableError(f"{place}: 'handover' must be true or false; got {handover!r}")
    return Reply(text=text, handover=handover)


def _column_from_dict(name: str, fields: object) -> Column:
    if not isinstance(fields, Mapping):
        raise TableError(f"column {name!r}: must be a table of fields, such as kind = 'number'; got {fields!r}")
    if unknown := [field for field in fields if field not in _DEFAULTS]:
        raise TableError(f"column {name!r}: unknown field {unknown[0]!r}; a column has {', '.join(_DEFAULTS)}")
    if "kind" not in fields:
        raise TableError(f"column {name!r}: 'kind' is missing; it must be number, category, flag, key, time or text")
    try:
        return Column(name=name, **fields)
    except ValidationError as error:
        raise TableError(f"column {name!r}: {_first_mistake(error)}") from error


def _first_mistake(error: ValidationError) -> str:
    """Field, value and rule of the first field that pydantic refuses."""
    mistakes = error.errors()
    field, value = mistakes[0]["loc"][0], mistakes[0]["input"]
    rules = [mistake["msg"] for mistake in mistakes if mistake["loc"][0] == field]  # one for each member of a union
    words = " or ".join(dict.fromkeys(rule.removeprefix("Input should be ") for rule in rules))
    return f"field {str(field)!r} is {value!r}; it must be {words.replace('tuple', 'list')}"


def read_table(path: Path) -> Table:
    """Read a table from TOML; TableError says what is wrong where, and what is allowed."""
    try:
        return table_from_dict(tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError as error:
        raise TableError(f"{path}: file not found") from error
    except (OSError, UnicodeDecodeError) as error:
        raise TableError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise TableError(f"{path}: is not TOML: {error}") from error
    except TableError as error:
        raise TableError(f"{path}: {error}") from error


def write_table(table: Table, path: Path) -> None:
    """Write a table as TOML, with a header that explains the fields."""
    path.write_text(HEADER + tomli_w.dumps(table_as_dict(table)), "utf-8", newline="\n")
