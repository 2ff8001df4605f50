"""EndpointNames: the labels that a request is counted under."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from starlette.types import Scope as AsgiScope

from service.live.served_model import ServedModel

OTHER = "other"
"""Label of unknown paths, and of requests that were refused before routing."""

Named: TypeAlias = tuple[str, str]
"""(kind of route, live model); the model is empty if there is none."""


class EndpointNames:
    """Maps a request to its kind of route and its model, with bounded cardinality.

    Callers can send any path, so neither it nor the model in it is used as a label: models are live ones, and kinds of
    routes are their actions or the names of the application's routes.
    """

    def __init__(self) -> None:
        self._served_models: Mapping[str, ServedModel] = {}
        self._scoring: dict[str, Named] = {}

    def of(self, scope: AsgiScope, served_models: Mapping[str, ServedModel]) -> Named:
        """The labels of a request that has been answered."""
        if served_models is not self._served_models:
            self._served_models = served_models
            self._scoring = {
                f"/v1/{name}/{action}": (action, name)
                for name, served in served_models.items()
                for action in served.actions
            }
        if scope["method"] == "POST" and (named := self._scoring.get(scope["path"])):
            return named
        route = scope.get("route")
        kind: str = getattr(route, "name", None) or OTHER
        model = scope.get("path_params", {}).get("name", "") if route is not None else ""
        return kind, model if model in served_models else ""
