"""Default view of an answer, built from its fields and the policy's cut-offs; domains reuse its parts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

from data.sentences import label, percent, spoken
from models.contract import Answer, LiveModel
from models.contract.views import Amount, Part, Scale, Tone, View, bars, log_odds, strongest, waterfall, zoned

Json: TypeAlias = Mapping[str, Any]
MARKS = (0.01, 0.1, 0.5, 0.9)
"""Ticks of a scale without cut-offs."""


def view_of(live: LiveModel, given: Json) -> View:
    """The domain's view of an answer to its form, as JSON."""
    return (live.domain.view or default_view)(live, given)


def default_view(live: LiveModel, given: Json) -> View:
    """Headline, scale, reasons, breakdown and window values where the answer has them, then all other fields."""
    answer, summary = answer_in(given), live.domain.task.summary
    name = summary.field
    parts = [reasons_part(answer), breakdown_part(given), windows_part(live, answer)]
    title = "Answer"
    if name in answer:
        value = answer[name]
        title = f"{title_of(name)} " + (percent(value) if summary.unit == "share" else f"{_text(value)} {summary.unit}")
        parts = [probability_part(live, answer), *parts] if live.domain.task.is_binary else parts
    drawn = {name, "decision", "reasons", "windows"}
    return View(
        title=title,
        parts=[*parts, *_other_parts(answer, drawn)],
        decision=answer.get("decision", ""),
        tone=tone_of(live, answer.get("decision", "")),
    )


def answer_in(given: Json) -> Json:
    """The answer itself, or the one inside an explanation; an answer may have a text of that name."""
    found = given.get("answer")
    return found if isinstance(found, Mapping) else given


def title_of(name: str) -> str:
    """The name of a field as a heading."""
    return name.replace("_", " ").capitalize()


def tone_of(live: LiveModel, decision: str) -> Tone:
    """The tone of the decision's zone; without cut-offs, good for the favourable decision and bad for adverse ones."""
    tones = {name: tone for _, name, tone in _zones(live)}
    if decision in tones:
        return tones[decision]
    domain = live.domain
    return "good" if decision and decision == domain.favourable else "bad" if decision in domain.adverse else "plain"


def probability_part(live: LiveModel, answer: Json) -> Part:
    """The probability on a log-odds scale, with the policy's cut-offs if there are any."""
    return Part(scale=_probability_scale(live, answer), note="Log-odds scale: equal distances are equal odds ratios.")


def reasons_part(answer: Json) -> Part:
    """The reasons of an answer, in words."""
    return Part(title="Reasons", items=[reason["text"] for reason in answer.get("reasons", ())])


def breakdown_part(given: Json) -> Part:
    """Contribution of each column to the log-odds; empty for an answer without explanation."""
    if "shares" not in given:
        return Part()
    steps = [(share["label"], share["text"], share["share"]) for share in given["shares"]]
    return Part(
        title=f"Log-odds breakdown (baseline {given['base']:.2f} → {given['log_odds']:.2f})",
        text=f"The baseline is the typical row of {given['reference']}.",
        bars=waterfall(given["base"], strongest(steps), 2, more_is="bad"),
    )


def windows_part(live: LiveModel, answer: Json, title: str = "Window features") -> Part:
    """The window features of the answer's row."""
    found = answer.get("windows", {}).items()
    return Part(
        title=title, facts=[(label(live.table[name]), spoken(live.table[name], value)) for name, value in found]
    )


def _other_parts(answer: Json, drawn: Collection[str]) -> list[Part]:
    """The remaining fields: mappings of numbers as bars, everything else as text."""
    facts, parts = [], []
    for name, value in answer.items():
        if name in drawn or name in Answer.model_fields:
            continue
        if isinstance(value, dict) and value and all(isinstance(one, int | float) for one in value.values()):
            amounts: list[Amount] = [(key, "", float(one), f"{one:.4g}", "accent") for key, one in value.items()]
            parts.append(Part(title=title_of(name), bars=bars(amounts)))
        else:
            facts.append((title_of(name), _text(value)))
    return [Part(facts=facts), *parts]


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value)) or "–"
    return "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _zones(live: LiveModel) -> list[tuple[float, str, Tone]]:
    """Decision zones by probability: lower end, name and tone."""
    domain, policy = live.domain, live.policy
    if (cut := domain.cut_offs) is not None:
        between = ", ".join(sorted(domain.adverse - {cut.rejected}))
        names = domain.favourable, between, cut.rejected
        lower, upper = getattr(policy, cut.lower), getattr(policy, cut.upper)
    elif (budget := domain.alert_budget) is not None:
        names = domain.queue.passed if domain.queue else "", budget.reviewed, budget.blocked
        lower, upper = getattr(policy, budget.lower), getattr(policy, budget.upper)
    else:
        return [(0.0, "", "plain")]
    return [(0.0, names[0], "good"), (lower, names[1], "middle"), (upper, names[2], "bad")]


def _probability_scale(live: LiveModel, answer: Json) -> Scale:
    name = live.domain.task.summary.field
    p, zones = answer[name], _zones(live)
    cuts = [start for start, _, _ in zones[1:]]
    marks = cuts or MARKS
    low = log_odds(min(p, marks[0], 0.001)) - 0.5
    high = max(log_odds(0.99), log_odds(marks[-1]) + 1, log_odds(p) + 0.5)
    ends = [*map(log_odds, cuts), high]
    legend = ", ".join(f"{zone} from {percent(start)}" for start, zone, _ in zones[1:])
    return zoned(
        low, high,
        [(end, zone, tone) for end, (_, zone, tone) in zip(ends, zones, strict=True)],
        [(log_odds(mark), percent(mark)) for mark in marks],
        (log_odds(p), percent(p)),
        f"{title_of(name)} {percent(p)}" + (f", {answer['decision']}: {legend}" if cuts else ""),
    )  # fmt: skip
