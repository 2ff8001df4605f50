"""Loading of a registered version under a stored policy as a live model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from data.table import Table
from models.contract import Domain, LiveModel, Policy
from models.decisions.policy_values import checked_policy
from models.decisions.rules.conditions import check_rules, rules_of
from models.domains._discovery import load_domains
from models.errors import BundleError, PolicyError, UnreadablePolicyError
from models.estimators.table_scorer import TableScorer
from models.registry.bundles import load_bundle
from models.registry.policies import StoredPolicy
from models.registry.registry import Version
from models.registry.state import STATE

POLICY = "policy.json"
REPORT = "report.html"
CARD = "card.json"
CARD_PAGE = "card.html"


def load_live(version: Version, bundles: Path) -> LiveModel:
    """Load a version's bundle, every byte verified, under the policy of the bundle.

    Raises BundleError if the bundle is missing, altered, of an unknown domain, or its state is not a model's.
    """
    bundle = load_bundle(bundles, version.digest)
    domain = load_domains().get(version.domain)
    if domain is None:
        raise BundleError(version.digest, f"its domain {version.domain!r} is unknown to this installation")
    if not isinstance(bundle.scorer, TableScorer):
        raise BundleError(version.digest, f"{STATE} holds a {type(bundle.scorer).__name__}, not a model of a table")
    try:
        policy = domain.policy.model_validate_json(bundle.read(POLICY))
    except ValidationError as error:
        raise BundleError(version.digest, f"its {POLICY} cannot be read by this installation: {error}") from error
    return LiveModel(
        name=version.name,
        version=version.number,
        domain=domain,
        scorer=bundle.scorer,
        policy=policy,
        suspected_leaks=bundle.manifest.suspected_leaks,
    )


def with_policy(live: LiveModel, stored: StoredPolicy | None) -> LiveModel:
    """The model under a stored policy; None keeps its own.

    Raises UnreadablePolicyError as `read_policy` does.
    """
    if stored is None:
        return live
    policy = read_policy(live.domain, stored, live.table)
    return replace(live, policy=policy, policy_version=stored.number)


def read_policy(domain: Domain, stored: StoredPolicy, table: Table) -> Policy:
    """A stored policy, checked against the table of the version.

    Raises UnreadablePolicyError if it is of another domain, has invalid fields or values, or rules that do not fit
    the table.
    """
    if stored.domain != domain.name:
        problem = f"it is a policy for {stored.domain!r}, the model is one for {domain.name!r}"
        raise UnreadablePolicyError(stored.name, stored.number, problem)
    try:
        policy = checked_policy(domain.policy, stored.content)
        check_rules(rules_of(policy), table)
    except PolicyError as error:
        raise UnreadablePolicyError(stored.name, stored.number, str(error)) from error
    return policy


def load_answering(version: Version, stored: StoredPolicy | None, bundles: Path) -> LiveModel:
    """A version as served: loaded, under the active policy if there is one.

    Raises BundleError and UnreadablePolicyError as `load_live` and `with_policy` do.
    """
    return with_policy(load_live(version, bundles), stored)


def policy_note(stored: StoredPolicy | None, version: Version | None) -> str:
    """A warning if the active policy was simulated with another version than the live one; else empty."""
    if stored is None or version is None or stored.model_version == version.number:
        return ""
    return (
        f"policy {stored.number} was simulated with version {stored.model_version}, but version {version.number} "
        f"answers: `backscore policy simulate {stored.name} --policy {stored.number}` shows what it does there"
    )
