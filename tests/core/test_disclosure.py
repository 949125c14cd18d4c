"""What one customer reads of a sentence that a shared proxy said about another."""

import pytest

from nameplate.core import disclosure

H = disclosure.HIDDEN


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('nginx: unknown directive "foo" in nginx.conf:3', None),
        ('host not found in upstream "app.acme.example:8000" in bnd_29yh7wc782vr0f.conf:12',
         f'host not found in upstream "{H}" in {H}:12'),
        ("loading http app: *.shop.example, 10.0.0.3:80 and [::1]:8080", f"loading http app: {H}, {H} and {H}"),
        ("fe80::1 and 2001:db8:0:0:0:0:0:1 at 12:30:01", f"{H} and {H} at 12:30:01"),
        ("münchen.example. is there twice", f"{H} is there twice"),
        ("It is full. No space left on device: std::string a :: b v2.11", None),
    ],
)  # fmt: skip
def test_names_of_others_are_hidden(said: str, told: str | None) -> None:
    assert disclosure.without_names(said) == (told or said)


@pytest.mark.parametrize("unit", ["a-", "1:", "a.", "1.2.3.", "aaaa:aaaa", "*."])
def test_a_long_sentence_is_cut(unit: str) -> None:
    assert len(disclosure.without_names(unit * 10**6)) <= 10_000
