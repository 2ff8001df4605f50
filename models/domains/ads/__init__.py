"""Ads: ranks candidate ads for a person and context by expected value, and chooses the one to show."""

from __future__ import annotations

from data.simulators import ads as simulator
from data.splits import Split
from models.answers.explain import explain_operation
from models.answers.trace import trace_operation
from models.contract import Domain, Gate, Operation
from models.domains.ads.policy import AdAnswer, AdsPolicy, decide
from models.domains.ads.ranking import RankAnswer, log_fields, rank, shown_probability
from models.domains.ads.request import ROW_PARTS, rank_body, rank_example
from models.domains.ads.view import rank_form, rank_view
from models.estimators.table_classifier import TableClassifier
from models.tasks.binary import binary

DOMAIN = Domain(
    name="ads",
    summary="Click probability of an ad for a person, and candidate ads ranked by expected value.",
    intended_use="To rank ads for a person by expected value, and to learn from impressions.",
    not_for=(
        "Ads for housing, employment or credit with a model that reads protected columns.",
        "Estimating the causal effect of an ad from rows that were not randomised: people who saw it may differ.",
        "People or placements unlike those of the training rows.",
    ),
    table=simulator.TABLE,
    simulate=simulator.simulate,
    n_simulated_rows=60_000,
    split=Split(kind="random"),
    policy=AdsPolicy,
    answer=AdAnswer,
    task=binary("click_probability"),
    restrict_inputs=lambda table: table,
    build=TableClassifier,
    decide=decide,
    operations=(
        explain_operation(AdAnswer),
        trace_operation(),
        Operation(
            name="rank",
            summary="Order up to 200 candidate ads for one person by expected value, and choose the one to show.",
            body=rank_body,
            example=rank_example,
            answer=RankAnswer,
            respond=rank,
            row_parts=ROW_PARTS,
            probability=shown_probability,
            log_fields=log_fields,
        ),
    ),
    action_part="ad",
    form=rank_form,
    view=rank_view,
    gates=(Gate("auc", at_least=0.52),),
)
