"""Credit: an applicant in, the probability of default, points, a decision and its reasons out."""

from __future__ import annotations

from data.rows import row_type
from data.simulators import credit as simulator
from data.splits import Split
from data.table import Table
from models.answers.explain import explain_operation
from models.answers.trace import trace_operation
from models.contract import Domain, Gate, Operation
from models.domains.credit.counterfactuals import CounterfactualsAnswer, counterfactual_answers
from models.domains.credit.policy import CUT_OFFS, CreditPolicy, decide
from models.domains.credit.scorecard import CreditAnswer, explain
from models.domains.credit.view import credit_view
from models.estimators.table_classifier import TableClassifier
from models.tasks.binary import binary

DOMAIN = Domain(
    name="credit",
    summary="Probability of default of an applicant, points, and approve, refer or decline.",
    intended_use=(
        "To support decisions on applications for consumer credit: which to approve, which to decline, which a person "
        "should look at, and for which reasons."
    ),
    not_for=(
        "Applicants, products, countries or years unlike those of the training rows, without a test on rows of them.",
        "A refusal without a person whom the applicant can ask, where the law gives a right to one (GDPR, article 22).",
        "Employment, housing or insurance: what predicts a default need not be fair or lawful there.",
    ),
    table=simulator.TABLE,
    simulate=simulator.simulate,
    n_simulated_rows=20_000,
    split=Split(kind="random"),
    policy=CreditPolicy,
    answer=CreditAnswer,
    task=binary("probability_of_default"),
    restrict_inputs=Table.without_protected_inputs,
    build=TableClassifier,
    decide=decide,
    explain=explain,
    adverse=frozenset({"refer", "decline"}),
    favourable="approve",
    accepted="accepted applicants",
    operations=(
        explain_operation(CreditAnswer),
        trace_operation(),
        Operation(
            name="counterfactuals",
            summary="What the applicant could change to be approved: up to three ways, each answered by the model.",
            body=row_type,
            example=Table.example,
            answer=CounterfactualsAnswer,
            respond=counterfactual_answers,
            row_path=(),
        ),
    ),
    cut_offs=CUT_OFFS,
    view=credit_view,
    gates=(Gate("auc", at_least=0.55),),
)
