"""The diagnostics in words: each sentence follows from its numbers."""

from __future__ import annotations

import pytest

from models.evaluation.diagnostics import ColumnFairness, Fairness, GroupTreatment, ImpactRatio, Proxies, StandIn
from models.evaluation.diagnostics.fairness import impact_ratio
from models.reports.sentences import column_sentence, proxy_sentence, told_words


def treatment(group: str, n_selected: int, n_rows: int, impact: ImpactRatio | None) -> GroupTreatment:
    return GroupTreatment(
        group=group,
        n_rows=n_rows,
        too_few=n_rows < 30,
        selection_rate=n_selected / n_rows,
        event_refused_rate=0.5,
        no_event_refused_rate=0.2,
        observed_rate=0.1,
        mean_predicted=0.1,
        calibration_ratio=1.0,
        impact=impact,
    )


def fairness(*groups: GroupTreatment, reference: str | None = "30-39") -> Fairness:
    column = ColumnFairness(column="age", label="Age", reference_group=reference, groups=groups)
    return Fairness(favourable="approve", columns=(column,))


def test_the_group_with_the_lowest_ratio_is_named_and_the_others_are_counted() -> None:
    """Not the first group, nor the last: the lowest; one for sure, two maybe, one not."""
    made = fairness(
        treatment("20-29", 300, 500, impact_ratio(300, 500, 400, 500)),
        treatment("30-39", 400, 500, None),
        treatment("40-49", 200, 500, impact_ratio(200, 500, 400, 500)),
        treatment("50-59", 395, 500, impact_ratio(395, 500, 400, 500)),
        treatment("60-69", 27, 40, impact_ratio(27, 40, 400, 500)),
    )
    sentence = column_sentence(made, made.columns[0])
    assert sentence.startswith(
        "Age: “40-49” gets “approve” 0.50 times as often as “30-39”, 95 % interval 0.45 to 0.56."
    )
    assert sentence.endswith("Below four fifths: 1 of 4 groups for sure, 2 maybe.")


def test_what_cannot_be_compared_is_said() -> None:
    """No group with enough rows, or only one of them."""
    alone = fairness(treatment("30-39", 40, 50, None))
    nobody = fairness(treatment("30-39", 4, 5, None), reference=None)
    assert "no second group has enough rows" in column_sentence(alone, alone.columns[0])
    assert "no group has enough rows" in column_sentence(nobody, nobody.columns[0])


@pytest.mark.parametrize(
    ("auc", "words"), [(0.5, "hardly"), (0.599, "hardly"), (0.6, "a little"), (0.7, "fairly well"), (0.8, "d well")]
)
def test_the_strength_of_stand_ins_has_four_words(auc: float, words: str) -> None:
    """From guessing to knowing."""
    assert words in told_words(auc)


def test_the_strongest_stand_ins_are_named() -> None:
    """Three of them, with what each can do alone."""
    inputs = tuple(StandIn(column=f"c{i}", label=f"C {i}", auc=0.7 - i / 100) for i in range(5))
    told = Proxies(
        column="age", label="Age", question="above 34 years or not", n_rows=900, together=0.72, strongest=inputs
    )
    assert proxy_sentence(told) == (
        "Age (above 34 years or not) can be predicted fairly well from the inputs (AUC 0.72, 0.5 is random); "
        "strongest alone: c0 (0.70), c1 (0.69), c2 (0.68)."
    )
