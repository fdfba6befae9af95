import pytest

from mosaico_ingest.client.locators import sequence_locator, topic_locator
from mosaico_ingest.errors import NameRefusedError


def test_names_that_others_created_are_accepted():
    """What another client could create can be read and deleted, even if we would not create it."""
    assert "_a+b" == sequence_locator("_a+b")
    assert "_a/_t+u" == topic_locator("_a", "_t+u")


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "a b", "/"])
def test_what_is_no_sequence_is_refused(name):
    """A topic, a session or nothing at all is no sequence."""
    with pytest.raises(NameRefusedError, match="Expected"):
        sequence_locator(name)


@pytest.mark.parametrize("name", ["", "/", "a:b", "a//b", "//a"])
def test_what_is_no_topic_is_refused(name):
    """A name that no topic can have is refused before the server is asked."""
    with pytest.raises(NameRefusedError, match="Expected"):
        topic_locator("s", name)
