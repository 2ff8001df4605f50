"""Digits: what a small picture shows, how sure and how unusual that is, and the pixels that say so."""

from __future__ import annotations

from data.simulators import digits as simulator
from data.splits import Split
from models.contract import Domain, Gate
from models.domains.digits.answer import DigitsAnswer, explain
from models.domains.digits.form import digits_form
from models.domains.digits.pixels import only_pixels
from models.domains.digits.policy import CHECK, READ, DigitsPolicy, decide
from models.domains.digits.view import digits_view
from models.estimators.picture_scorer import PictureScorer
from models.tasks.classes import classes

DOMAIN = Domain(
    name="digits",
    summary="Which digit a small picture shows, with calibrated probabilities, and whether it looks like one at all.",
    intended_use="To read single characters in small pictures, and to leave doubtful ones to a person.",
    not_for=(
        "Photographs, and pictures of more than some thousand pixels: every pixel is an input of its own.",
        "Several characters in one picture, or one far from its middle.",
        "Writing of people or countries unlike those of the training pictures.",
    ),
    table=simulator.TABLE,
    simulate=simulator.simulate,
    n_simulated_rows=simulator.N_PICTURES,
    split=Split(kind="random"),
    policy=DigitsPolicy,
    answer=DigitsAnswer,
    task=classes(probabilities="probabilities", probability="probability"),
    restrict_inputs=only_pixels,
    build=PictureScorer,
    stored_types=(PictureScorer,),
    decide=decide,
    explain=explain,
    form=digits_form,
    view=digits_view,
    adverse=frozenset({CHECK}),
    favourable=READ,
    gates=(Gate("accuracy", at_least=0.5),),
)
