"""Credit: probability of default of an applicant, points, a decision and its reasons."""

from __future__ import annotations

from data.rows import row_type
from data.simulators import credit as simulator
from data.splits import Split
from data.table import Table
from models.answers.explain import explain_operation
from models.answers.trace import trace_operation
from models.contract import Domain, Gate, Operation
from models.domains.credit.counterfactuals import CounterfactualsAnswer, counterfactual_answers
from models.domains.credit.policy import CUT_OFFS, GRADES, CreditPolicy, decide
from models.domains.credit.scorecard import CreditAnswer, explain
from models.domains.credit.view import credit_view
from models.estimators.table_classifier import TableClassifier
from models.tasks.binary import binary

DOMAIN = Domain(
    name="credit",
    summary="Probability of default of an applicant, points, and approve, refer or decline.",
    intended_use=(
        "To support decisions on consumer credit applications: approve, decline or refer to a person, with reasons."
    ),
    not_for=(
        "Applicants, products, countries or years unlike those of the training rows, unless tested on such rows.",
        "Fully automated refusals where the law gives a right to human intervention (GDPR, article 22).",
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
            summary="Up to three sets of changes that would lead to an approval, each verified by the model.",
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
    grades=GRADES,
)
