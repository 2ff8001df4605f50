"""Chat: what a message wants, and whether to answer it, to ask back, or to hand over to a person."""

from __future__ import annotations

from data.errors import TableError
from data.simulators import chat as simulator
from data.splits import Split
from data.table import Table
from models.contract import BEFORE, MESSAGE_ID, SESSION, Domain, Gate
from models.domains.chat.answer import ChatAnswer, explain
from models.domains.chat.conversation import REPLY
from models.domains.chat.policy import ChatPolicy, decide
from models.domains.chat.view import chat_view
from models.domains.chat.watch import WATCH
from models.estimators.text_scorer import TextScorer
from models.tasks.texts import text_classes


def _only_the_text(table: Table) -> Table:
    """The table with its text as the only feature; TableError if it needs names that a conversation has for itself."""
    for column in table.inputs:
        if column.name in (MESSAGE_ID, BEFORE) or (column.name == SESSION and column.role != "entity"):
            raise TableError(
                f"column {column.name!r}: conversations have this name for themselves; rename the column"
                + (", or give it role = 'entity'" if column.name == SESSION else "")
            )
    others = {column.name: {"role": "ignore"} for column in table.features if column.kind != "text"}
    return table.with_columns(others)


DOMAIN = Domain(
    name="chat",
    summary="What a message wants, with the answer to it, a question back, or a handover to a person.",
    intended_use="To answer frequent requests, and to hand everything else over to a person with the conversation.",
    not_for=(
        "Requests whose wrong answer does harm: medical, legal or emergency advice.",
        "Languages and subjects that the training messages do not have.",
        "Conversations whose sense lies in earlier messages: each is read alone, but for answers to a question back.",
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
    operations=(REPLY,),
    watch=WATCH,
    view=chat_view,
    gates=(Gate("accuracy", at_least=0.5),),
    outcomes_correct=True,
    maturity_days=0.0,  # what a message wanted is known as soon as somebody says it
)
