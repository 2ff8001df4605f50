"""The fields that every answer has, and the reasons in it."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

ReasonScope: TypeAlias = Literal["adverse", "all", "none"]
"""Which answers are given reasons: those with an adverse decision, all, or none."""


class Reason(BaseModel):
    """One column that pushed a score up."""

    column: str
    text: str = Field(description="The reason in words.")
    value: Any = Field(description="The row's value.")
    typical: Any = Field(description="The reference row's value.")
    effect: float = Field(description="Contribution of the column to the log-odds, relative to the reference row.")


class Answer(BaseModel):
    """The fields that every answer has."""

    model_config = ConfigDict(protected_namespaces=())

    prediction_id: str = Field(description="ID of this prediction.", examples=["0192f3a8c1d27d3e9b1a"])
    model: str = Field(description="Name of the model.")
    version: int = Field(description="Version of the model.")
    policy_version: int = Field(
        description="Version of the policy that made the decision; 0 is the model version's own policy."
    )
    warnings: list[str] = Field(
        default_factory=list, description="Limitations of this prediction, such as unseen categories."
    )
