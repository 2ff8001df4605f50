"""Forecast: the next values of a series, how sure that is, and whether anything better than the last value is known."""

from __future__ import annotations

from data.splits import Split
from models.contract import Domain
from models.domains.forecast.answer import ForecastAnswer, answered
from models.domains.forecast.inputs import as_forecasts
from models.domains.forecast.policy import ForecastPolicy, decide
from models.domains.forecast.simulated import TABLE, simulate
from models.domains.forecast.view import forecast_view
from models.estimators.series_scorer import SeriesScorer
from models.tasks.paths import paths

DOMAIN = Domain(
    name="forecast",
    summary="The next values of a series with their intervals, and whether the last value is beaten at all.",
    intended_use="To plan with what comes next: sales, load, rates and prices, with honest intervals.",
    not_for=(
        "Promises of gains: where the last value is not beaten, the answer says so and repeats it.",
        "Series that depend on known events to come, such as promotions: the past of the series is all that is read.",
        "Values that people change because of the forecast.",
    ),
    table=TABLE,
    simulate=simulate,
    n_simulated_rows=600,
    split=Split(kind="order"),
    policy=ForecastPolicy,
    answer=ForecastAnswer,
    task=paths(
        answered=answered,
        summary="change",
        bounds=(-20, -10, -5, -3, -2, -1, -0.5, -0.2, 0, 0.2, 0.5, 1, 2, 3, 5, 10, 20),
    ),
    restrict_inputs=as_forecasts,
    build=SeriesScorer,
    stored_types=(SeriesScorer,),
    decide=decide,
    view=forecast_view,
)
