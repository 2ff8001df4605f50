"""The gates of a new version: what its test set must show before it goes live by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from models.contract import Domain, Gate
from models.evaluation.calibration_test import calibration_test
from models.evaluation.measures import auc_interval
from models.evaluation.metrics import Contender, compare
from models.training.test_size import too_few_to_judge
from models.training.trained import Trained

OURS = "this version"
LINEAR = "logistic regression"
MAX_RISK = 0.5
"""Share of the event from which on it cannot be the bad outcome that a favourable decision avoids."""
MIN_FAVOURABLE = 0.05
"""Least share of favourable decisions, by the domain's own policy."""


def gate_problems(
    trained: Trained, contenders: Mapping[str, Contender], domain: Domain, *, is_first: bool, seed: int
) -> tuple[str, ...]:
    """Why this version fails its gates, a sentence without its stop each; empty if it passes.

    Too few test rows leave nothing else to say.

    Parameters
    ----------
    contenders : this version and the baselines.
    domain : its gates are bounds on metrics; with a favourable decision, the event must be the bad outcome.
    is_first : whether there is no champion. A first version must not be worse than logistic regression and must be
        calibrated; later ones are compared with the champion in place of that.
    """
    if problem := too_few(trained):
        return (problem,)
    bounds = [
        *domain.gates,
        *([Gate("auc", at_least=trained.gates.min_auc)] if trained.gates.min_auc is not None else []),
    ]
    found = [gate.problem(contenders[OURS].metrics[gate.metric]) for gate in bounds]
    found.append(_no_better_than_the_base_rate(trained, seed))
    if trained.task.is_binary:
        found += [_auc_within_chance(trained), *_not_a_risk(trained, domain)]
    if is_first:
        found += _worse_than_linear(trained, contenders, seed)
        found.append(_miscalibrated(trained, seed) if trained.task.is_binary else "")
    return tuple(filter(None, found))


def too_few(trained: Trained) -> str:
    """Why the test set is too small to judge a version by; empty if it is not."""
    is_binary = trained.task.is_binary
    problem = too_few_to_judge(trained.test_labels, is_binary=is_binary, least=trained.gates.min_events)
    advice = "train on more rows, or on a longer period" if is_binary else "train on more rows"
    return f"its test set {problem}; {advice}" if problem else ""


def _no_better_than_the_base_rate(trained: Trained, seed: int) -> str:
    """Paired comparison with the constant prediction of the training rows."""
    task, labels = trained.task, trained.test_labels
    predictions = (trained.test_predictions, trained.constant_predictions(trained.test_predictions))
    ours, theirs = (task.losses(labels, found) for found in predictions)
    found = compare(ours, theirs, trained.test_weights, seed=seed)
    if found.better or not (task.beats_constant or found.worse):
        return ""
    is_not = "is not better than" if task.beats_constant else "is worse than"
    return (
        f"it {is_not} the same prediction for every row (the base rate) beyond chance: {task.loss} "
        f"{found.difference:+.5f} against it (90 % interval {found.low:+.5f} to {found.high:+.5f}, lower is better)"
    )


def _worse_than_linear(trained: Trained, contenders: Mapping[str, Contender], seed: int) -> Iterator[str]:
    linear = contenders.get(LINEAR)
    if linear is None:
        return
    task, labels = trained.task, trained.test_labels
    ours, theirs = (task.losses(labels, found) for found in (trained.test_predictions, linear.predictions))
    found = compare(ours, theirs, trained.test_weights, seed=seed)
    if found.worse:
        yield (
            f"it is worse than {LINEAR} beyond chance: {task.loss} {found.difference:+.5f} against it (90 % interval "
            f"{found.low:+.5f} to {found.high:+.5f}, lower is better)"
        )


def _auc_within_chance(trained: Trained) -> str:
    value, low, high = auc_interval(trained.test_probabilities, trained.test_labels, trained.test_weights)
    if low > 0.5:
        return ""
    return f"its AUC {value:.3f} may be chance: the 95 % interval {low:.3f} to {high:.3f} holds 0.5"


def _not_a_risk(trained: Trained, domain: Domain) -> Iterator[str]:
    """Signs that the event is the good outcome, for which the favourable decision would be refused."""
    if not domain.favourable:
        return
    target, rate = trained.scorer.table.target, float(trained.labels[trained.rows.train].mean())
    events = sorted(target.event_levels)
    others = [level for level in target.levels if level not in events]
    turned = (
        f"if it is the good outcome, name the other value in the table: [columns.{target.name}] positive = "
        f"'{others[0] if len(others) == 1 else '...'}'; if it is not, --promote always"
    )
    if rate > MAX_RISK:
        what = f"{target.name} = {events[0]}" if events else target.name
        yield (
            f"the event ({what}) is in {rate:.1%} of the training rows, and {domain.favourable!r} is for rows without "
            f"it: {turned}"
        )
        return
    test = trained.frame.iloc[trained.rows.test]
    decided = domain.decide(domain.policy(), trained.test_scores, test, trained.scorer.table).get("decision", [])
    share = sum(decision == domain.favourable for decision in decided) / max(len(decided), 1)
    if share < MIN_FAVOURABLE:
        yield (
            f"only {share:.1%} of the test rows get {domain.favourable!r}: {turned}, with cut-offs that fit "
            "(`backscore policy simulate`)"
        )


def _miscalibrated(trained: Trained, seed: int) -> str:
    found = calibration_test(trained.test_labels, trained.test_probabilities, trained.test_weights, seed=seed)
    problem = found.problem(trained.gates.calibration_tolerance)
    return f"its probabilities are not calibrated: {problem} (joint 95 % intervals)" if problem else ""
