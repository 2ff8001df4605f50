"""TryForm: a domain's form filled in, and the API request that it stands for."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.contract.forms import Form, Repeated, Section, form_of
from service.errors import FieldError
from service.live.served_model import ServedModel
from service.pages.trying.fields import Field, body_of, example_texts, fields_of, with_errors

N_REPEATED, MORE, LESS = "n_repeated", "more", "less"
"""Names in the submitted form: the number of repeated sections, and the buttons that add and remove one."""


@dataclass(frozen=True)
class FilledSection:
    """A section with what its fields hold."""

    title: str
    fields: Sequence[Field]
    width: int = 0

    @property
    def top(self) -> float:
        """Of a picture: the value of full ink, 1 where the columns name none."""
        return max(((field.column.maximum or 1.0) for field in self.fields), default=1.0)

    def with_errors(self, errors: Sequence[FieldError]) -> FilledSection:
        """The section with each error at its field."""
        return replace(self, fields=with_errors(self.fields, errors))


@dataclass(frozen=True)
class TryForm:
    """A form, filled in.

    Parameters
    ----------
    form : of the domain.
    endpoint : path of the API that gives the same answer.
    row_path : where the body holds the row that the endpoint takes; () if it takes the body.
    other_errors : errors that belong to no field.
    """

    form: Form
    endpoint: str
    row_path: tuple[str, ...]
    sections: Sequence[FilledSection]
    repeated: Sequence[FilledSection] = ()
    other_errors: Sequence[FieldError] = ()

    @property
    def fields(self) -> list[Field]:
        """All fields in the order of the page."""
        return [field for section in (*self.sections, *self.repeated) for field in section.fields]

    @property
    def body(self) -> dict[str, Any]:
        """The body that the form's operation is sent."""
        return body_of(self.fields)

    @property
    def row(self) -> dict[str, Any]:
        """The body that the endpoint is sent, which is the row where it scores one."""
        row = self.body
        for name in self.row_path:
            row = row.get(name, {})
        return row

    @property
    def wrong(self) -> list[Field]:
        """The fields with errors."""
        return [field for field in self.fields if field.error]

    def with_errors(self, errors: Sequence[FieldError]) -> TryForm:
        """The form with each error at its field, and the rest as `other_errors`."""
        names = {field.name for field in self.fields}
        return replace(
            self,
            sections=[section.with_errors(errors) for section in self.sections],
            repeated=[section.with_errors(errors) for section in self.repeated],
            other_errors=[error for error in errors if error.path not in names],
        )

    def curl(self, address: str, *, needs_key: bool) -> str:
        """The API request as a command; the key comes from a variable, so that no shell history keeps it."""
        lines = [f"curl {shlex.quote(address + self.endpoint)}"]
        if needs_key:
            lines.append('-H "X-API-Key: $BACKSCORE_KEY"')
        body = json.dumps(self.row, ensure_ascii=False)
        lines += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(body)}"]
        return " \\\n  ".join(lines)


def try_form(served: ServedModel, texts: Mapping[str, str] | None = None) -> TryForm:
    """The form of a live model with the submitted texts, or with the table's example where texts is None."""
    form = form_of(served.live)
    row_path = served.operation(form.operation).operation.row_path if form.operation else ()
    return TryForm(
        form=form,
        endpoint=f"/v1/{served.live.name}/{'score' if row_path is not None else form.operation}",
        row_path=row_path or (),
        sections=[_filled(section, texts) for section in form.sections],
        repeated=[_filled(form.repeated.section(i), texts) for i in range(_count(form.repeated, texts))]
        if form.repeated
        else [],
    )


def example_form(served: ServedModel, number: int) -> TryForm:
    """The form of a live model with its example of that number, from 0; with the table's own where there is none."""
    form = form_of(served.live)
    if not 0 <= number < len(form.examples):
        return try_form(served)
    inputs = [one for section in form.sections for one in section.inputs]
    return try_form(served, example_texts(inputs, form.examples[number].values))


def _filled(section: Section, texts: Mapping[str, str] | None) -> FilledSection:
    return FilledSection(section.title, fields_of(section.inputs, texts), section.width)


def _count(repeated: Repeated, texts: Mapping[str, str] | None) -> int:
    """As many sections as were submitted, one more or less for the buttons, within the form's limits."""
    if texts is None:
        return repeated.n_examples
    given = texts.get(N_REPEATED, "")
    n = int(given) if given.isdecimal() and len(given) <= 3 else 1
    return min(max(n + (MORE in texts) - (LESS in texts), 1), repeated.max_n)
