"""Compatibility of a challenger with the champion: it must accept the requests that the champion accepts."""

from __future__ import annotations

from data.table import Table
from models.contract import LiveModel
from models.errors import ChallengerError
from models.monitoring.promotion.requests import compare_requests
from models.registry.audit_settings import AuditSettings
from models.registry.rollouts import Mode


def check_challenger(champion: LiveModel, challenger: LiveModel, mode: Mode, audit: AuditSettings) -> None:
    """Refuse a challenger whose answers would differ in more than numbers.

    It must accept what the champion accepts: a canary must not refuse what the champion answers, and a shadow answers
    rows that the champion has checked. A shadow also reuses the champion's windows, to avoid a second database query
    for every event; a canary computes its own.

    Raises
    ------
    ChallengerError
        The text says what differs.
    """

    def refuse(problem: str) -> ChallengerError:
        return ChallengerError(challenger.name, challenger.version, f"{problem} than champion {champion.version}")

    if different := compare_requests(champion, challenger).refused:
        raise refuse(f"it accepts other requests ({'; '.join(different)})")
    if mode == "canary":
        return
    if audit.level == "off":
        problem = "a shadow is only recorded, and the audit log of this model is off; try it as a canary"
        raise ChallengerError(challenger.name, challenger.version, problem)
    if other := _other_windows(champion.table, challenger.table):
        raise refuse(f"as a shadow it would need other windows ({', '.join(other)}; try it as a canary)")


def _other_windows(champion: Table, challenger: Table) -> list[str]:
    """Windows of the challenger that the champion lacks or names differently."""
    known = {column.name: column.window for column in champion.windows}
    return [column.name for column in challenger.windows if known.get(column.name) != column.window]
