"""What is no model of an installed domain is refused when it is loaded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.domains._discovery import load_domains
from models.errors import BundleError
from models.registry.bundles import write_bundle
from models.registry.live import POLICY, load_live
from tests.conftest import quick_live
from tests.models.registry.test_bundles import manifest


def test_a_model_of_an_unknown_domain_is_refused(store) -> None:
    """Such as one of a package that is not installed here."""
    version = replace(store.registry.champion("credit"), domain="churn")
    with pytest.raises(BundleError, match="its domain 'churn' is unknown to this installation"):
        load_live(version, store.home.bundles)


def test_a_part_of_a_model_is_no_model(store) -> None:
    """Its encoder alone can be read from a bundle, and cannot answer."""
    live = quick_live(load_domains()["credit"])
    files = {POLICY: live.policy.model_dump_json().encode()}
    digest = write_bundle(store.home.bundles, manifest(table=live.table), scorer=live.scorer.encoder, files=files)
    version = replace(store.registry.champion("credit"), digest=digest)
    with pytest.raises(BundleError, match="holds a TableEncoder, not a model of a table"):
        load_live(version, store.home.bundles)
