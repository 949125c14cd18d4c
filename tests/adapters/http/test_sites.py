import pytest

from nameplate.adapters.http.sites import same_site


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("shop.example.org", "www.example.org", True),
        ("shop.example.co.uk", "www.example.co.uk", True),
        ("a.co.uk", "b.co.uk", False),
        ("alice.github.io", "bob.github.io", False),
        ("www.alice.github.io", "alice.github.io", True),
        ("github.io", "alice.github.io", False),
        ("shop.example.test", "www.example.test", True),
        ("example.org", "example.org.evil.net", False),
        ("example.org", "under_score.example.org", False),
        ("a..b", "a..b.c", False),
    ],
)
def test_one_site_or_two(one, other, same):
    assert same_site(one, other) is same
    assert same_site(other, one) is same
