"""`backscore keys`, and an address that other machines reach."""

from datetime import UTC, datetime, timedelta

import pytest

from service.cli.commands.keys import expiry
from service.cli.commands.serve import check_keys
from service.cli.exits import CommandError
from service.errors import UnsafeAddressError
from service.settings import Settings

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_a_key_is_made_shown_once_listed_and_revoked(run):
    """The list has everything but the key."""
    made = run("keys", "create", "ops", "--scopes", "score,admin", "--rate", "100/s", "--expires", "90d", "--json").json
    assert made["key"].startswith(f"bsk_{made['id']}_")
    assert (made["scopes"], made["rate"], made["revoked"]) == (["score", "admin"], "100/s", None)

    listed = run("keys", "list", "--json")
    assert listed.json["keys"] == [{name: value for name, value in made.items() if name != "key"}]
    assert "usable until" in " ".join(run("keys", "list").stdout.split())
    assert run("keys", "revoke", "ops", "--json").json["revoked"] is not None
    assert "revoked" in run("keys", "list").stdout


def test_the_key_is_alone_on_standard_output(run):
    """So that a script can keep it."""
    made = run("keys", "create", "ops")
    assert made.stdout.startswith("bsk_")
    assert len(made.stdout.split()) == 1
    assert run("keys", "list").exit_code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--scopes", "root"), "'root'"),
        (("--scopes", ""), "needs a scope"),
        (("--rate", "fast"), "'fast'"),
        (("--expires", "soon"), "--expires"),
        (("--expires", "2001-01-01"), "future"),
    ],
)
def test_what_cannot_be_a_key(run, options, said):
    """Bad input, with what is allowed."""
    made = run("keys", "create", "ops", *options)
    assert made.exit_code == 2
    assert said in made.stderr
    assert run("keys", "list", "--json").json["keys"] == []
    assert run("keys", "revoke", "nobody").exit_code == 2


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("12h", NOW + timedelta(hours=12)),
        ("90d", NOW + timedelta(days=90)),
        ("2026-02-01", datetime(2026, 2, 1, tzinfo=UTC)),
        ("2026-02-01T00:00:00+02:00", datetime(2026, 1, 31, 22, tzinfo=UTC)),
    ],
)
def test_expiry(text, moment):
    assert expiry(text, NOW) == moment


def test_expiry_lies_in_the_future():
    """By the clock that is given."""
    with pytest.raises(CommandError, match="future"):
        expiry("2026-01-31", NOW)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org", ""])  # noqa: S104 - refused here
def test_other_machines_need_a_key(run, home, host):
    """Listening beyond this machine without a usable key is refused with what to do."""
    settings = Settings(home=home.path, host=host)
    run("keys", "list")  # makes the database
    with pytest.raises(UnsafeAddressError, match="backscore keys create"):
        check_keys(settings)
    check_keys(Settings(home=home.path, host=host, api_key="0123456789abcdef"))
    run("keys", "create", "ops")
    check_keys(settings)
    run("keys", "revoke", "ops")
    with pytest.raises(UnsafeAddressError):
        check_keys(settings)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine_needs_none(home, host):
    """Loopback addresses are fine."""
    check_keys(Settings(home=home.path, host=host))
