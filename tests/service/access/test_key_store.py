"""Keys on both databases: shown once, kept as a hash, of one name for ever."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from models.errors import KeyNameError, KeyRateError, KeyScopeError, UnknownKeyError
from service.access.key_store import KeyStore, hash_of
from service.access.rates import Rate
from tests.conftest import START


@pytest.fixture
def store(registry):
    return KeyStore(registry._engine, now=lambda: START)


def test_a_key_is_kept_without_its_secret(store):
    """Nothing in the database leads to it; what is kept is read back."""
    expires = START + timedelta(days=1)
    kept, key = store.create("ops", ["admin", "score"], rate="10/s", expires=expires, actor="ann")
    prefix, key_id, secret = key.split("_", 2)

    assert (prefix, key_id, kept.secret_hash) == ("bsk", kept.id, hash_of(secret))
    assert len(secret) == 43
    assert store.all() == [kept]
    assert (kept.scopes, kept.rate, kept.created_by) == ({"admin", "score"}, Rate(10, 1), "ann")
    with store._engine.connect() as connection:
        assert secret not in str(connection.execute(sa.text("SELECT * FROM keys")).all())
    assert kept.is_usable(expires - timedelta(seconds=1))
    assert not kept.is_usable(expires)


def test_two_keys_differ(store):
    """In ID and secret; and a name is never reused, even after its key is revoked."""
    _, first = store.create("a", ["score"], rate=None, expires=None, actor="ann")
    _, second = store.create("b", ["score"], rate=None, expires=None, actor="ann")
    assert {*first.split("_", 2)} & {*second.split("_", 2)} == {"bsk"}
    store.revoke("a", actor="bob")
    with pytest.raises(KeyNameError, match="'a'"):
        store.create("a", ["score"], rate=None, expires=None, actor="ann")


def test_revoking(store):
    """The first revocation is kept; an unknown name is refused with the known ones."""
    store.create("a", ["score"], rate=None, expires=None, actor="ann")
    store.revoke("a", actor="bob")
    store.revoke("a", actor="eve")
    (key,) = store.all()
    assert (key.revoked, key.revoked_by, key.is_usable(START)) == (START, "bob", False)
    with pytest.raises(UnknownKeyError, match=r"'b'.*available: a"):
        store.revoke("b", actor="bob")


@pytest.mark.parametrize(
    ("name", "scopes", "rate", "error"),
    [
        ("a", [], None, KeyScopeError),
        ("a", ["score", "root"], None, KeyScopeError),
        ("a", ["score"], "often", KeyRateError),
        ("a b", ["score"], None, KeyNameError),
    ],
)
def test_what_cannot_be_a_key(store, name, scopes, rate, error):
    """Nothing is stored."""
    with pytest.raises(error):
        store.create(name, scopes, rate=rate, expires=None, actor="ann")
    assert store.all() == []
