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
    """A stored model is missing, altered, truncated, too large, or holds what a model does not consist of."""

    def __init__(self, digest: str, problem: str) -> None:
        super().__init__(f"bundle {digest[:12]}: {problem}")


class DatabaseError(ModelError):
    """The database cannot be opened, read or written."""


class MetricsError(ModelError):
    """Metrics of a model that cannot be stored."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"metrics of {name!r} are not JSON: {problem}; write None for one that is undefined")


class NotTrainedError(ModelError):
    """The registry holds no live version of the model."""

    def __init__(self, name: str, domain: str | None = None) -> None:
        command = f"backscore train {domain or 'DOMAIN'} --name {name}"
        super().__init__(f"{name!r} has no live model; run `{command}`")


class UnknownVersionError(ModelError):
    """The registry holds no such version of the model."""

    def __init__(self, name: str, number: int, numbers: Sequence[int]) -> None:
        known = f"it has {', '.join(map(str, numbers))}" if numbers else "nothing is registered under this name"
        super().__init__(f"{name!r} has no version {number}; {known}")


class NothingToRollBackError(ModelError):
    """No earlier champion is left to go back to."""

    def __init__(self, name: str, champion: int | None) -> None:
        now = "it has no live version" if champion is None else f"version {champion} is the first that went live"
        super().__init__(f"{name!r} cannot be rolled back: {now}; promote a version instead")


class ChallengerError(ModelError):
    """A version cannot challenge the champion, or not in this way."""

    def __init__(self, name: str, number: int, problem: str) -> None:
        super().__init__(f"version {number} of {name!r} cannot challenge: {problem}")


class NoChallengerError(ModelError):
    """The champion has no challenger."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} has no challenger; start a rollout with `backscore rollout start {name} VERSION`")


class RolloutOverError(ModelError):
    """The rollout that a decision is about has ended meanwhile."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__(
            f"version {number} of {name!r} was not promoted: the rollout that was looked at has ended meanwhile, or"
            " another one has begun"
        )


class OutcomeError(ModelError):
    """An outcome that the target of its model cannot have; the text says what it must be."""


class CutOffError(ModelError):
    """No cut-off can be found for the costs or rates that were given."""


class PolicyError(ModelError):
    """Values that make no policy of the domain."""


class RuleError(PolicyError):
    """A rule of a policy asks a table for what it does not hold, or cannot be read."""

    def __init__(self, rule: str, column: str, problem: str) -> None:
        super().__init__(f"rule {rule!r}, column {column!r}: {problem}")


class UnreadablePolicyError(ModelError):
    """A stored policy that this installation does not know, or that does not fit the version that is to answer."""

    def __init__(self, name: str, number: int, problem: str) -> None:
        super().__init__(f"policy {number} of {name!r} cannot decide here: {problem}")


class UnknownPolicyError(ModelError):
    """The registry holds no such policy of the model."""

    def __init__(self, name: str, number: int, numbers: Sequence[int]) -> None:
        known = f"it has {', '.join(map(str, numbers))}, and 0 for that of the bundle" if numbers else "none is stored"
        super().__init__(
            f"{name!r} has no policy {number}; {known}: `backscore policy simulate {name} --save` adds one"
        )


class NoPolicyToRollBackError(ModelError):
    """No activated policy is left to go back from."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the policy of {name!r} cannot be rolled back: that of its bundle is active")


class DomainMismatchError(ModelError):
    """A name stands for one line of business; its endpoint must not turn into another."""

    def __init__(self, name: str, registered: str, given: str) -> None:
        super().__init__(f"{name!r} is a {registered!r} model, not {given!r}; choose another --name for {given!r}")


class EventError(ModelError):
    """An event that cannot be answered; `column` is the one to blame, and `value` what it holds."""

    def __init__(self, column: str, value: object, message: str) -> None:
        self.column, self.value, self.message = column, value, message
        super().__init__(f"{column} {message}, got {value}")


class ConflictingEventError(EventError):
    """An event has the id of another one that was answered."""


class NoQueueError(ModelError):
    """The model has no review queue."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} has no review queue: one is kept where events are stored, so for a table with windows, and "
            "where decisions come before people, as those about fraud do"
        )


class UnknownAlertError(ModelError):
    """The model's queue holds no such alert."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__(f"{name!r} has no alert {number}; one that was closed goes when its events do")


class RefinementError(ModelError):
    """The live version cannot be refined as requested."""

    def __init__(self, name: str, version: int, problem: str) -> None:
        super().__init__(
            f"version {version} of {name!r} cannot be refined: {problem}. Without --refine it is trained anew"
        )


class JobLockedError(ModelError):
    """Another training job of the same model is running."""

    def __init__(self, name: str, holder: str, wait_seconds: float) -> None:
        super().__init__(
            f"{name!r} is being trained by {holder}; waited {wait_seconds:g} s, try again when it has ended"
        )


@dataclass(frozen=True)
class BadField:
    """A value of a body that is refused.

    Parameters
    ----------
    place : where it stands in the body: ("candidates", 3, "id").
    message : the rule, in words that follow the name of the field.
    """

    place: tuple[str | int, ...]
    message: str
    value: Any


class RefusedBodyError(ModelError):
    """A body is of the right type, but breaks a rule of its domain; each value that does is in `fields`."""

    def __init__(self, fields: Sequence[BadField]) -> None:
        self.fields = tuple(fields)
        super().__init__("; ".join(f"{'/'.join(map(str, field.place))} {field.message}" for field in fields[:3]))


class ReplayError(ModelError):
    """A recorded prediction cannot be answered again."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        said = ", ".join(f"{name!r} ({how.replace('_', ' ')})" for name, how in columns.items())
        super().__init__(f"it cannot be replayed, because some columns were not stored in full: {said}")


class UnknownPredictionError(ModelError):
    """No prediction with that ID was recorded."""

    def __init__(self, prediction_id: str) -> None:
        super().__init__(
            f"there is no prediction {prediction_id!r} in the audit log: it was never answered, not recorded at the "
            "model's level or sample, or is older than what is kept; see `backscore audit settings`"
        )


class KeyNameError(ModelError):
    """A name that cannot be a key's, or was another one's."""


class KeyScopeError(ModelError):
    """There is no such scope."""

    def __init__(self, given: str, scopes: Sequence[str]) -> None:
        problem = f"there is no scope {given!r}" if given else "a key needs a scope"
        super().__init__(f"{problem}; there are {', '.join(scopes)}")


class KeyRateError(ModelError):
    """A rate that cannot be read."""

    def __init__(self, given: str) -> None:
        super().__init__(f"a rate must be requests in a second, minute or hour (100/s, 6000/min, 500/h), got {given!r}")


class UnknownKeyError(ModelError):
    """There is no key of that name."""

    def __init__(self, name: str, names: Sequence[str]) -> None:
        super().__init__(f"there is no key {name!r}; there are {', '.join(names) or 'none yet'}")


class DivergedError(ModelError):
    """A training of the playground has diverged: some number is not finite."""

    def __init__(self, step: int) -> None:
        super().__init__(f"training diverged by step {step}; take fewer steps, or lower the learning rate")


class NoReferenceError(ModelError):
    """A version's bundle holds nothing to compare later rows with."""

    def __init__(self, name: str, version: int) -> None:
        super().__init__(
            f"version {version} of {name!r} has no drift reference: it was trained before bundles held one; train again"
        )
