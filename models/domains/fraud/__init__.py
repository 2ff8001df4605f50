"""Fraud: fraud probability and anomaly score of a transaction, a decision and its reasons."""

from __future__ import annotations

from data.simulators import fraud as simulator
from data.splits import Split
from models.answers.explain import explain_operation
from models.answers.trace import trace_operation
from models.contract import Domain, Gate
from models.domains.fraud.anomaly import Anomaly
from models.domains.fraud.answer import FraudAnswer, explain
from models.domains.fraud.policy import ALERT_BUDGET, QUEUE, FraudPolicy, decide
from models.domains.fraud.scorer import FraudScorer
from models.domains.fraud.view import fraud_view
from models.tasks.binary import binary

DOMAIN = Domain(
    name="fraud",
    summary="Probability that a transaction is fraudulent, an anomaly score, and allow, review or block.",
    intended_use="To allow transactions, hold them for review, or block them, with reasons.",
    not_for=(
        "Accusing anyone: a high score is a reason to review, not proof.",
        "Card schemes, countries or channels unlike those of the training rows; fraud also changes with time.",
        "Judging customers as such, for credit or for anything else.",
    ),
    table=simulator.TABLE,
    simulate=simulator.simulate,
    n_simulated_rows=100_000,
    split=Split(kind="time", label_delay_days=7),
    policy=FraudPolicy,
    answer=FraudAnswer,
    task=binary(QUEUE.probability),
    restrict_inputs=lambda table: table,
    build=FraudScorer,
    stored_types=(FraudScorer, Anomaly),
    decide=decide,
    explain=explain,
    adverse=frozenset({"review", "block"}),
    operations=(explain_operation(FraudAnswer), trace_operation()),
    alert_budget=ALERT_BUDGET,
    queue=QUEUE,
    view=fraud_view,
    gates=(Gate("auc", at_least=0.55),),
)
