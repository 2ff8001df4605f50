"""BatchAnswer: the response to a batch."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from models.contract import Answer
from service.errors import FieldError

AnswerType = TypeVar("AnswerType", bound=Answer)


class BatchAnswer(BaseModel, Generic[AnswerType]):
    """The answers to a batch, by one version and one policy, in the order of the rows."""

    model_config = ConfigDict(protected_namespaces=())

    model: str = Field(description="Name of the model that answered.")
    version: int = Field(description="Its version.")
    policy_version: int = Field(description="The policy that decided; 0 is the version's own.")
    n_rows: int = Field(description="Rows in the request.")
    n_answered: int = Field(description="Rows with an answer.")
    warnings: list[str] = Field(default_factory=list, description="Columns that were ignored.")
    answers: list[AnswerType | None] = Field(description="One for each row, in order; null for a row with errors.")
    errors: list[FieldError] = Field(description="The invalid values of rows without an answer.")
