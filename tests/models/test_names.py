"""Model names: what may be a URL segment, a file name and a command line argument at once."""

import pytest

from models.errors import ModelNameError
from models.names import RESERVED_NAMES, checked_name


@pytest.mark.parametrize("name", ["a", "lending", "lending-2", "card_fraud", "a" * 63])
def test_a_plain_name_is_returned_as_it_is(name):
    """Small letters, digits, dashes and underscores are a name."""
    assert checked_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "a" * 64, "Lending", "2nd", "-a", "_a", "..", "../a", "a/b", "a\\b", "a.b", "a b", "a\n", "a\0", "ä", "a%2f"],
)
def test_a_name_that_could_leave_its_folder_or_url_is_refused(name):
    """Anything else is refused, and the text says what a name is."""
    with pytest.raises(ModelNameError, match="is no model name: 1 to 63 small letters"):
        checked_name(name)


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_a_path_of_the_service_is_refused(name):
    """A model cannot hide one of the service's own paths."""
    with pytest.raises(ModelNameError, match="path of the service itself"):
        checked_name(name)
