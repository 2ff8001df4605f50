"""Chat: what a message wants, and whether to answer it, to ask back, or to hand over to a person."""

from __future__ import annotations

from data.simulators import chat as simulator
from data.splits import Split
from data.table import Table
from models.contract import Domain, Gate
from models.domains.chat.answer import ChatAnswer, explain
from models.domains.chat.policy import ChatPolicy, decide
from models.domains.chat.view import chat_view
from models.estimators.text_scorer import TextScorer
from models.tasks.texts import text_classes


def _only_the_text(table: Table) -> Table:
    """The table with its text as the only feature."""
    others = {column.name: {"role": "ignore"} for column in table.features if column.kind != "text"}
    return table.with_columns(others)


DOMAIN = Domain(
    name="chat",
    summary="What a message wants, with the answer to it, a question back, or a handover to a person.",
    intended_use="To answer frequent requests, and to hand everything else over to a person with the conversation.",
    not_for=(
        "Requests whose wrong answer does harm: medical, legal or emergency advice.",
        "Languages and subjects that the training messages do not have.",
        "Conversations that depend on what was said before: each message is read alone.",
    ),
    table=simulator.TABLE,
    simulate=simulator.simulate,
    n_simulated_rows=4_000,
    split=Split(kind="random"),
    policy=ChatPolicy,
    answer=ChatAnswer,
    task=text_classes(probabilities="probabilities", probability="confidence"),
    restrict_inputs=_only_the_text,
    build=TextScorer,
    stored_types=(TextScorer,),
    decide=decide,
    explain=explain,
    adverse=frozenset({"ask", "handover"}),
    view=chat_view,
    gates=(Gate("accuracy", at_least=0.5),),
)
