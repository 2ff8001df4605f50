"""From a registered version to a model that answers."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from models.bundles import SCORER, load_bundle
from models.contract import Live, load_domains
from models.errors import BundleError
from models.registry import Version
from models.scoring import TableClassifier

POLICY = "policy.json"
REPORT = "report.html"
CARD = "card.json"
CARD_PAGE = "card.html"


def load_live(version: Version, bundles: Path) -> Live:
    """Load a version's bundle, every byte verified.

    Raises BundleError if the bundle is missing, altered, holds a type that is not trusted, or is of an unknown domain.
    """
    bundle = load_bundle(bundles, version.digest)
    domain = load_domains().get(version.domain)
    if domain is None:
        raise BundleError(version.digest, f"its domain {version.domain!r} is unknown to this installation")
    if not isinstance(bundle.scorer, TableClassifier):
        raise BundleError(version.digest, f"{SCORER} holds a {type(bundle.scorer).__name__}, not a model of a table")
    try:
        policy = domain.policy.model_validate_json(bundle.read(POLICY))
    except ValidationError as error:
        raise BundleError(version.digest, f"its {POLICY} is none that this installation knows: {error}") from error
    return Live(name=version.name, version=version.number, domain=domain, scorer=bundle.scorer, policy=policy)
