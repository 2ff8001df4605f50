"""TryForm: what is filled in to try a model out, and the request that it stands for."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from data.table import Column
from models.domains.ads.request import MAX_TIMES_SEEN, parts_of
from service.errors import FieldError
from service.live.served_model import ServedModel
from service.pages.trying.fields import Field, Place, body_of, fields_of, with_errors

MAX_CANDIDATES = 12
"""On a page; the API takes more."""
N_CANDIDATES, MORE, LESS = "candidates", "more", "less"
"""Fields of the form: how many candidates there are; and the buttons for another one, and for one less."""
PART_TITLES = {"person": "The person", "context": "Where the ad is shown", "ad": "The ad"}
CANDIDATE = (
    Column(name="id", kind="key", description="Name of the ad"),
    Column(name="bid", kind="number", description="Value of a click", minimum=0),
    Column(
        name="times_seen",
        kind="number",
        description="Times that the person has seen it",
        minimum=0,
        maximum=MAX_TIMES_SEEN,
        whole=True,
        optional=True,
    ),
)
EXAMPLE_BIDS = (0.8, 1.2, 0.5)


@dataclass(frozen=True)
class Section:
    """Fields that belong together."""

    title: str
    fields: Sequence[Field]

    def with_errors(self, errors: Sequence[FieldError]) -> Section:
        """The same with what is wrong with each field."""
        return replace(self, fields=with_errors(self.fields, errors))


@dataclass(frozen=True)
class TryForm:
    """A form, filled in.

    Parameters
    ----------
    operation : of the model that answers it.
    endpoint : what a program asks for the same answer.
    for_program : the body of the operation -> the body that the endpoint takes.
    candidates : sections that can be added and taken away.
    """

    operation: str
    endpoint: str
    sections: Sequence[Section]
    for_program: Callable[[dict[str, Any]], Any]
    candidates: Sequence[Section] = ()
    other_errors: Sequence[FieldError] = ()

    @property
    def fields(self) -> list[Field]:
        """All of them, in the order of the page."""
        return [field for section in (*self.sections, *self.candidates) for field in section.fields]

    @property
    def body(self) -> dict[str, Any]:
        """What the operation is asked."""
        return body_of(self.fields)

    @property
    def wrong(self) -> list[Field]:
        """The fields with errors."""
        return [field for field in self.fields if field.error]

    def with_errors(self, errors: Sequence[FieldError]) -> TryForm:
        """The same with what is wrong at each field, and the rest beside them."""
        names = {field.name for field in self.fields}
        return replace(
            self,
            sections=[section.with_errors(errors) for section in self.sections],
            candidates=[section.with_errors(errors) for section in self.candidates],
            other_errors=[error for error in errors if error.path not in names],
        )

    def curl(self, address: str, *, needs_key: bool) -> str:
        """The same request as a command; the key comes from a variable, so that no history keeps it."""
        lines = [f"curl {shlex.quote(address + self.endpoint)}"]
        if needs_key:
            lines.append('-H "X-API-Key: $BACKSCORE_KEY"')
        body = json.dumps(self.for_program(self.body), ensure_ascii=False)
        lines += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(body)}"]
        return " \\\n  ".join(lines)


def try_form(served: ServedModel, texts: Mapping[str, str] | None = None) -> TryForm:
    """The form of a live model, with what was written into it; None for a form filled with the table's example."""
    return _rank_form(served, texts) if "rank" in served.operations else _row_form(served, texts)


def _row_form(served: ServedModel, texts: Mapping[str, str] | None) -> TryForm:
    live = served.live
    fields = fields_of(live.table.inputs, ("row",), texts)
    return TryForm(
        operation="explain",
        endpoint=f"/v1/{live.name}/score",
        sections=[Section("", fields)],
        for_program=lambda body: body.get("row", {}),
    )


def _rank_form(served: ServedModel, texts: Mapping[str, str] | None) -> TryForm:
    live = served.live
    parts = parts_of(live.table)
    of_ad = parts.pop("ad").inputs if "ad" in parts else ()
    return TryForm(
        operation="rank",
        endpoint=f"/v1/{live.name}/rank",
        sections=[Section(PART_TITLES[name], fields_of(part.inputs, (name,), texts)) for name, part in parts.items()],
        for_program=lambda body: body,
        candidates=[
            Section(
                f"Candidate {i + 1}",
                [
                    *fields_of(CANDIDATE, ("candidates", i), _example(i) if texts is None else texts),
                    *_ad_fields(of_ad, i, texts),
                ],
            )
            for i in range(_n_candidates(texts))
        ],
    )


def _ad_fields(columns: Sequence[Column], number: int, texts: Mapping[str, str] | None) -> list[Field]:
    """The columns of a candidate's ad; in the example, each candidate holds other levels where there are some."""
    place: Place = ("candidates", number, "ad")
    fields = fields_of(columns, place, texts)
    if texts is not None:
        return fields
    return [replace(field, text=_level(field, number)) if number and field.column.levels else field for field in fields]


def _level(field: Field, number: int) -> str:
    levels = field.column.levels
    start = levels.index(field.text) if field.text in levels else 0
    return levels[(start + number) % len(levels)]


def _example(number: int) -> dict[str, str]:
    bid = EXAMPLE_BIDS[number % len(EXAMPLE_BIDS)]
    return {f"/candidates/{number}/id": f"ad-{number + 1}", f"/candidates/{number}/bid": f"{bid:g}"}


def _n_candidates(texts: Mapping[str, str] | None) -> int:
    """As many as the form had, one more or less if a button says so; within what a page shows."""
    if texts is None:
        return len(EXAMPLE_BIDS)
    given = texts.get(N_CANDIDATES, "")
    n = int(given) if given.isdecimal() and len(given) <= 3 else 1
    return min(max(n + (MORE in texts) - (LESS in texts), 1), MAX_CANDIDATES)
