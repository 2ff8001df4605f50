"""Errors of the models package, one class for each kind of failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class ModelError(Exception):
    """Base of every error that `models` raises on purpose; its text is written for the user."""


class ModelNameError(ModelError):
    """A model name that cannot be a URL segment, a file name and a command line argument at once."""


class BundleError(ModelError):
    """A stored model that is missing, altered, truncated, too large, or not made of the parts of a model."""

    def __init__(self, digest: str, problem: str) -> None:
        super().__init__(f"bundle {digest[:12]}: {problem}")


class SentenceModelError(ModelError):
    """A folder that is no sentence encoder, or whose encoder cannot be used here."""

    def __init__(self, folder: object, problem: str) -> None:
        super().__init__(f"sentence encoder {folder}: {problem}")


class DatabaseError(ModelError):
    """The database cannot be opened, read or written."""


class MetricsError(ModelError):
    """Metrics of a model that cannot be stored."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"metrics of {name!r} are not JSON: {problem}; use None for an undefined metric")


class NotTrainedError(ModelError):
    """The registry holds no live version of the model."""

    def __init__(self, name: str, domain: str | None = None) -> None:
        command = f"backscore train {domain or 'DOMAIN'} --name {name}"
        super().__init__(f"{name!r} has no live model; run `{command}`")


class UnknownVersionError(ModelError):
    """The model has no version of that number."""

    def __init__(self, name: str, number: int, numbers: Sequence[int]) -> None:
        known = f"it has {', '.join(map(str, numbers))}" if numbers else "nothing is registered under this name"
        super().__init__(f"{name!r} has no version {number}; {known}")


class NothingToRollBackError(ModelError):
    """A rollback without an earlier champion."""

    def __init__(self, name: str, champion: int | None) -> None:
        now = "it has no live version" if champion is None else f"version {champion} is the first that went live"
        super().__init__(f"{name!r} cannot be rolled back: {now}; promote a version instead")


class RollbackOverError(ModelError):
    """A rollback that another change of the model has overtaken."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} was not rolled back: another change came first; look at its history and try again")


class UnloadableVersionError(ModelError):
    """A version that would answer after a change, but cannot be loaded, or not under the active policy."""

    def __init__(self, name: str, number: int, problem: str) -> None:
        super().__init__(
            f"version {number} of {name!r} cannot answer: {problem}; nothing was changed: restore what is missing, "
            "or name another version or policy"
        )


class SuspectedLeakError(ModelError):
    """A version with inputs that are suspected to hold the target.

    Parameters
    ----------
    leaks : column -> why it is suspected.
    """

    def __init__(self, name: str, number: int, leaks: Mapping[str, str]) -> None:
        super().__init__(f"version {number} of {name!r} was not promoted: {suspicion(leaks)}")


def suspicion(leaks: Mapping[str, str]) -> str:
    """Which columns are suspected to hold the target, why, and what to do."""
    listed = "; ".join(f"{column!r} {why}" for column, why in leaks.items())
    allow = " ".join(f"--allow-suspected-leak {column}" for column in leaks)
    return (
        f"suspected leak: {listed}. If it is known only after the event, set role = 'ignore' in the table and train "
        f"again; if it is known before, say so: {allow}"
    )


class RequestChangeError(ModelError):
    """A version that takes other requests than the champion; `changes` says in what."""

    def __init__(self, name: str, number: int, champion: int, changes: Sequence[str]) -> None:
        self.changes = tuple(changes)
        super().__init__(f"version {number} of {name!r} was not promoted: {request_change(champion, changes)}")


def request_change(champion: int, changes: Sequence[str]) -> str:
    """What differs in requests, and what to do."""
    return (
        f"it takes other requests than the champion, version {champion}, whose callers would be refused: "
        f"{'; '.join(changes)}. Change the callers first, then allow it: --allow-request-change, or "
        "allow_request_change over HTTP"
    )


class ChallengerError(ModelError):
    """A version that cannot be the challenger, or not in this mode."""

    def __init__(self, name: str, number: int, problem: str) -> None:
        super().__init__(f"version {number} of {name!r} cannot challenge: {problem}")


class NoChallengerError(ModelError):
    """The champion has no challenger."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} has no challenger; start a rollout with `backscore rollout start {name} VERSION`")


class RolloutOverError(ModelError):
    """A promotion by a rollout that has ended or been replaced in the meantime."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__(
            f"version {number} of {name!r} was not promoted: its rollout has ended or been replaced in the meantime"
        )


class OutcomeError(ModelError):
    """An outcome outside of the values of its model's target; the text names the allowed ones."""


class CutOffError(ModelError):
    """No cut-off meets the given costs or rates."""


class PolicyError(ModelError):
    """Values that are not a valid policy of the domain."""


class RuleError(PolicyError):
    """A rule that cannot be read, or does not fit the table."""

    def __init__(self, rule: str, column: str, problem: str) -> None:
        super().__init__(f"rule {rule!r}, column {column!r}: {problem}")


class UnreadablePolicyError(ModelError):
    """A stored policy that this installation cannot read, or that does not fit the model version."""

    def __init__(self, name: str, number: int, problem: str) -> None:
        super().__init__(f"policy {number} of {name!r} cannot be used here: {problem}")


class UnknownPolicyError(ModelError):
    """The model has no policy of that number."""

    def __init__(self, name: str, number: int, numbers: Sequence[int]) -> None:
        known = (
            f"it has {', '.join(map(str, numbers))}, and 0 for the policy of the bundle"
            if numbers
            else "none is stored"
        )
        super().__init__(
            f"{name!r} has no policy {number}; {known}: `backscore policy simulate {name} --save` adds one"
        )


class NoPolicyToRollBackError(ModelError):
    """A policy rollback without an activated policy."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the policy of {name!r} cannot be rolled back: the policy of its bundle is active")


class DomainMismatchError(ModelError):
    """A version of another domain than the earlier versions of its name: an endpoint keeps its domain."""

    def __init__(self, name: str, registered: str, given: str) -> None:
        super().__init__(f"{name!r} is a {registered!r} model, not {given!r}; choose another --name for {given!r}")


class EventError(ModelError):
    """An event that cannot be answered because of the `value` in `column`."""

    def __init__(self, column: str, value: object, message: str) -> None:
        self.column, self.value, self.message = column, value, message
        super().__init__(f"{column} {message}, got {value}")


class ConflictingEventError(EventError):
    """An event with the id of another event that was answered."""


class NoQueueError(ModelError):
    """The model has no review queue."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} has no review queue: that needs stored events, so a table with windows, and a domain whose "
            "decisions are reviewed"
        )


class NoInboxError(ModelError):
    """The model has no inbox."""

    def __init__(self, name: str, domain: str) -> None:
        super().__init__(f"{name!r} has no inbox: a {domain} model refuses nothing that people could label")


class UnknownAlertError(ModelError):
    """The review queue has no alert of that number."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__(f"{name!r} has no alert {number}; closed alerts are deleted together with their events")


class RefinementError(ModelError):
    """The live version cannot be refined as requested."""

    def __init__(self, name: str, version: int, problem: str) -> None:
        super().__init__(
            f"version {version} of {name!r} cannot be refined: {problem}. Without --refine a new model is trained"
        )


class JobLockedError(ModelError):
    """Another training job of the same model is running."""

    def __init__(self, name: str, holder: str, wait_seconds: float) -> None:
        super().__init__(
            f"{name!r} is being trained by {holder}; waited {wait_seconds:g} s; try again when that job has ended"
        )


@dataclass(frozen=True)
class BadField:
    """An invalid value in a request body.

    Parameters
    ----------
    place : path of the value in the body: ("candidates", 3, "id").
    message : the rule, as the words after the name of the field.
    """

    place: tuple[str | int, ...]
    message: str
    value: Any


class RefusedBodyError(ModelError):
    """A request body of the right type that breaks rules of its domain; `fields` lists every invalid value."""

    def __init__(self, fields: Sequence[BadField]) -> None:
        self.fields = tuple(fields)
        super().__init__("; ".join(f"{'/'.join(map(str, field.place))} {field.message}" for field in fields[:3]))


class ReplayError(ModelError):
    """A recorded prediction that cannot be replayed."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        listed = ", ".join(f"{name!r} ({how.replace('_', ' ')})" for name, how in columns.items())
        super().__init__(f"it cannot be replayed: some columns were not stored in full: {listed}")


class UnknownPredictionError(ModelError):
    """The audit log has no prediction of that ID."""

    def __init__(self, prediction_id: str) -> None:
        super().__init__(
            f"there is no prediction {prediction_id!r} in the audit log: the ID is wrong, or the prediction was not "
            "recorded, not sampled, or has expired; see `backscore audit settings`"
        )


class KeyNameError(ModelError):
    """A key name that is not allowed, or already taken."""


class KeyScopeError(ModelError):
    """An unknown scope."""

    def __init__(self, given: str, scopes: Sequence[str]) -> None:
        problem = f"unknown scope {given!r}" if given else "a key needs a scope"
        super().__init__(f"{problem}; available: {', '.join(scopes)}")


class KeyRateError(ModelError):
    """A rate limit that cannot be parsed."""

    def __init__(self, given: str) -> None:
        super().__init__(f"a rate must be requests per second, minute or hour (100/s, 6000/min, 500/h), got {given!r}")


class UnknownKeyError(ModelError):
    """An unknown key."""

    def __init__(self, name: str, names: Sequence[str]) -> None:
        super().__init__(f"unknown key {name!r}; available: {', '.join(names) or 'none yet'}")


class DivergedError(ModelError):
    """A playground training whose weights or loss are no longer finite."""

    def __init__(self, step: int) -> None:
        super().__init__(f"training diverged by step {step}; take fewer steps, or lower the learning rate")


class NoReferenceError(ModelError):
    """A version whose bundle has no drift reference."""

    def __init__(self, name: str, version: int) -> None:
        super().__init__(
            f"version {version} of {name!r} has no drift reference: it was trained before bundles held one; train again"
        )
