"""Evaluation of a new version against baselines and the champion, and the promotion decision."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from data.checking import check_frame
from data.windows import with_windows
from models.arrays import Floats
from models.contract import Domain
from models.errors import BundleError
from models.evaluation.leaks import TOGETHER, SuspectedLeak, strongest_alone, suspected_leaks
from models.evaluation.metrics import Comparison, Contender, compare
from models.registry.live import load_live
from models.registry.registry import Version
from models.training.gates import OURS, gate_problems, too_few
from models.training.job import Promote
from models.training.non_inferiority import Standing, is_inferior, margin_of, standing
from models.training.trained import Trained


@dataclass(frozen=True)
class PromotionDecision:
    """Whether a new version goes live, and why or why not."""

    promoted: bool
    why: str


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The evaluation of a new version on the test set.

    Parameters
    ----------
    contenders : this version, the baselines, and the champion if there is one that can score these rows.
    champion : the live version.
    comparison : with the champion; None without a champion, or if it cannot score these rows; `problem` says why.
    loss : name of the compared loss.
    gate_problems : why it fails its gates, see `models.training.gates`.
    too_few : whether its test set is too small to judge a version by.
    standing : against earlier champions on the common test set, None if there is none.
    leaks : inputs that are suspected to hold the target, and why, without those that the job allows.
    compared_on : the rows of the comparison, in words.
    margin : of non-inferiority on this test set, in the unit of the loss; used where there is no `standing`.
    """

    contenders: Mapping[str, Contender]
    champion: Version | None
    comparison: Comparison | None
    problem: str
    loss: str
    gate_problems: tuple[str, ...] = ()
    too_few: bool = False
    standing: Standing | None = None
    compared_on: str = "the test rows"
    margin: float = math.inf
    leaks: Mapping[str, str] = field(default_factory=dict)

    @property
    def ours(self) -> Contender:
        """The new version."""
        return self.contenders[OURS]

    def outcome(self, trained: Trained, *, promote: Promote, blocked: str = "", note: str = "") -> PromotionDecision:
        """The promotion decision: the verdict for "auto", else as requested.

        `blocked` says why it must not go live whatever is requested; empty if nothing does. `note` says what going live
        changes for callers.
        """
        if blocked and promote != "never":
            promoted, why = False, blocked
        elif promote == "auto":
            promoted, why = self.verdict()
        else:
            promoted, why = promote == "always", f"promotion was requested: {promote}"
        return PromotionDecision(promoted, "; ".join(filter(None, [trained.origin, why, note * promoted])))

    def verdict(self) -> tuple[bool, str]:
        """Whether the new version may go live, and the sentence that says why.

        It must pass every gate, must not be worse than the champion beyond chance, and not inferior to the best
        champion so far on the common test set; without that set, not to the champion on this job's test set.
        """
        if self.gate_problems:
            return False, "; ".join(self.gate_problems)
        if self.champion is None:
            return True, "it passes the gates and there was no champion"
        if self.comparison is None:
            return self._verdict_without_comparison()
        interval = (
            f"{self.loss} {self.comparison.difference:+.5f} against the champion, version {self.champion.number}, on "
            f"{self.compared_on} (90 % interval {self.comparison.low:+.5f} to {self.comparison.high:+.5f}, lower is "
            "better)"
        )
        if self.comparison.worse:
            return False, f"it is worse: {interval}"
        if self.standing is not None:
            inferior, interval = self.standing.inferior, f"{interval}; {self.standing.text}"
        else:
            inferior = is_inferior(self.comparison, self.margin)
            interval += f", margin {self.margin:.5f}" if math.isfinite(self.margin) else ""
        return (
            not inferior,
            f"it is not worse{' beyond chance, but may be by more than the margin' * inferior}: {interval}",
        )

    def _verdict_without_comparison(self) -> tuple[bool, str]:
        """As `verdict`, where the test rows cannot tell: the common test set does, if there is one."""
        if self.standing is None:
            return False, f"{self.problem}, so the two cannot be compared; override with --promote always"
        inferior = "it may be worse by more than the margin: " * self.standing.inferior
        return (
            not self.standing.inferior,
            f"{self.problem}, so they cannot be compared there; {inferior}{self.standing.text}",
        )


def judge(
    trained: Trained,
    champion: Version | None,
    bundles: Path,
    *,
    domain: Domain,
    champions: Sequence[Version] = (),
    allowed_leaks: Collection[str] = (),
    seed: int,
) -> Judgement:
    """Evaluate the new version, the baselines and the champion on the test set.

    Parameters
    ----------
    allowed_leaks : inputs that are not reported as suspected leaks.
    champions : every version that ever was champion, for the common test set.
    """
    task, rows, labels, ours = trained.task, trained.rows, trained.test_labels, trained.test_predictions
    weights = trained.test_weights
    contenders = {OURS: Contender(ours, task.evaluate(labels, ours, weights), trained.seconds)}
    contenders |= task.baselines(
        trained.frame.iloc[rows.train],
        trained.labels[rows.train],
        trained.frame.iloc[rows.test],
        labels,
        table=trained.scorer.table,
        seed=seed,
    )
    leaks = {one.column: one.why for one in _leaks(trained, contenders) if one.column not in allowed_leaks}
    judged = Judgement(
        leaks=leaks,
        contenders=contenders,
        champion=champion,
        comparison=None,
        problem="",
        loss=task.loss,
        too_few=bool(too_few(trained)),
        gate_problems=gate_problems(trained, contenders, domain, is_first=champion is None, seed=seed),
    )
    if champion is None:
        return judged
    name = f"champion (version {champion.number})"
    theirs = _answers_of(champion, trained, bundles)
    if isinstance(theirs, str):
        return replace(judged, problem=f"the {name} {theirs}")
    judged = replace(
        judged,
        standing=None if trained.common is None else standing(trained, trained.common, champions, bundles, seed=seed),
    )
    known = trained.champion_rows
    if known is not None and (n_seen := known.n_trained(rows.test)):
        return replace(judged, problem=f"the {name} was trained on {n_seen:,} of the {len(rows.test):,} test rows")
    return replace(
        judged,
        contenders={**contenders, name: Contender(theirs, task.evaluate(labels, theirs, weights), seconds=0.0)},
        comparison=compare(task.losses(labels, ours), task.losses(labels, theirs), weights, seed=seed),
        compared_on=_compared_on(trained),
        margin=margin_of(trained, labels, ours, weights),
    )


def _compared_on(trained: Trained) -> str:
    """The test rows of the comparison with the champion, in words."""
    n_rows, known = len(trained.rows.test), trained.champion_rows
    if known is None or known.problem:
        return f"{n_rows:,} test rows{f'; {known.problem}' if known is not None else ''}"
    return f"{n_rows:,} rows that neither was trained on"


def _leaks(trained: Trained, contenders: Mapping[str, Contender]) -> list[SuspectedLeak]:
    """Inputs that are suspected to hold the target: each alone, and the strongest if all together are near-perfect."""
    if not trained.task.is_binary:
        return []
    table, frame, labels = trained.scorer.table, trained.frame, trained.labels
    found = list(suspected_leaks(table, frame, labels))
    together = max(contender.metrics["auc"] for contender in contenders.values())
    if together >= TOGETHER and not found:
        column, alone = strongest_alone(table, frame, labels)
        why = f"ranks the events best (AUC {alone:.4f} alone) of columns that together have an AUC of {together:.4f}"
        found.append(SuspectedLeak(column, why))
    return found


def _answers_of(champion: Version, trained: Trained, bundles: Path) -> Floats | str:
    """The champion's predictions of the test rows, or the reason why there are none."""
    try:
        live = load_live(champion, bundles)
    except BundleError as error:
        return f"cannot be loaded ({error})"
    test = trained.rows.test
    # The windows of the test rows need all rows as history; without windows the test rows are enough
    rows = np.arange(len(trained.raw_frame)) if live.table.windows else test
    # As for requests: the labels are those of the new version's table
    checked, problems = check_frame(live.table, trained.raw_frame.iloc[rows], training=False)
    if problems:
        return f"does not read these rows ({problems[0]})"
    checked = with_windows(
        live.table, checked, trained.labels[rows] if trained.positives is None else trained.positives
    )
    scores = live.scorer.frame_scores(checked.iloc[test] if live.table.windows else checked)
    return scores[live.domain.task.prediction]
