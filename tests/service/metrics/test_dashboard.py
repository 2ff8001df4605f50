"""Dashboard and alert rules use only metrics that the service exports."""

import json
import re
from pathlib import Path

import pytest
import yaml

from service.metrics.metrics import REFUSALS

DOCKER = Path(__file__).parents[3] / "docker"
NAME = re.compile(r"\b(?:backscore|process)_[a-z_]+\b")
LABELLED = re.compile(r"\b((?:backscore|process)_[a-z_]+)\{([^}]*)\}")
GROUPED = re.compile(r"\bby \(([^)]*)\)")
FROM_OUTSIDE = {"instance", "job"}
"""Labels that Prometheus adds."""


def rules():
    """The alert rules."""
    document = yaml.safe_load((DOCKER / "prometheus" / "rules.yaml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def dashboard():
    return json.loads((DOCKER / "grafana" / "dashboards" / "backscore.json").read_text())


def expressions():
    """Every query of dashboard and rules."""
    board = dashboard()
    found = {rule["alert"]: rule["expr"] for rule in rules()}
    for panel in board["panels"]:
        found |= {f"{panel['title']} {target['refId']}": target["expr"] for target in panel.get("targets", [])}
    found |= {one["name"]: one["definition"] for one in board["templating"]["list"] if "definition" in one}
    return found | {one["name"]: one["expr"] for one in board["annotations"]["list"]}


@pytest.fixture(scope="module")
def told(start_service, trained_home, applicant):
    """The labels of every exported sample, by its name."""
    client = start_service(trained_home).client
    client.post("/v1/credit/score", json=applicant)
    found = {}
    for line in client.get("/metrics").text.splitlines():
        if not line.startswith("#"):
            name, _, labels = line.rpartition(" ")[0].partition("{")
            found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return found


@pytest.mark.parametrize(("_name", "expression"), expressions().items(), ids=lambda value: str(value)[:30])
def test_everything_asked_for_is_told(told, _name, expression):
    """Metrics by their full names, and labels that these have."""
    names = set(NAME.findall(expression)) - {"backscore_key"}
    labels = set().union(*(told.get(name, set()) for name in names)) | FROM_OUTSIDE

    assert names <= told.keys()
    for name, selectors in LABELLED.findall(expression):
        assert set(re.findall(r"(\w+)\s*=", selectors)) <= told[name] | FROM_OUTSIDE
    for group in GROUPED.findall(expression):
        assert {label.strip() for label in group.split(",")} <= labels
    for reason in re.findall(r'reason="(\w+)"', expression):
        assert reason in REFUSALS


def test_the_expressions_were_found():
    """A change of the files' form must not leave the tests above without anything to test."""
    assert len(rules()) > 10
    assert len(expressions()) > 30
    assert any("backscore_score_bucket" in expression for expression in expressions().values())


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_and_what_to_do(rule):
    """An on-call engineer needs both."""
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"].endswith(".")


def test_panels_do_not_overlap():
    """And each has a number of its own."""
    panels = dashboard()["panels"]
    taken = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_the_compose_file_has_what_it_mounts():
    """Paths of the monitoring profile are there, and the profile is optional."""
    compose = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    for name in ("prometheus", "grafana"):
        service = compose["services"][name]
        assert service["profiles"] == ["monitoring"]
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert (DOCKER / source).is_dir() if source.startswith("./") else source in compose["volumes"]
    settings = yaml.safe_load((DOCKER / "prometheus" / "prometheus.yaml").read_text())
    (job,) = settings["scrape_configs"]
    assert job["job_name"] == "backscore"
