"""Which part of a name registries own: the Public Suffix List and the special-use names."""

from functools import cache

from publicsuffixlist import PublicSuffixList

_SPECIAL_USE = frozenset(
    {"alt", "example", "internal", "invalid", "local", "localhost", "onion", "test"}
)
_HOME = "home.arpa"


def special_use(name: str) -> str | None:
    """Return the special-use suffix that `name` ends with, or None.

    RFC 6761 and its registry, `.internal` as ICANN reserved it in 2024, and all of `.arpa`: it is
    infrastructure, and certificate authorities refuse its reverse zones.
    """
    last = name.rpartition(".")[2]
    if last in _SPECIAL_USE:
        return last
    if last != "arpa":
        return None
    return (
        _HOME if name == _HOME or name.endswith("." + _HOME) else last
    )  # `names` stands on this module


def public_suffix(name: str) -> str | None:
    """Return the suffix of `name` in the list's ICANN section, or None: its TLD does not exist."""
    return _icann().publicsuffix(name, accept_unknown=False)


def longest_suffix(name: str) -> str | None:
    """Return the suffix of `name` in either section: `github.io` where ICANN's part is `io`."""
    return _both_sections().publicsuffix(name, accept_unknown=False)


@cache
def _icann() -> PublicSuffixList:
    """Load the ICANN section of the bundled list once."""
    return PublicSuffixList(only_icann=True)


@cache
def _both_sections() -> PublicSuffixList:
    """Load both sections of the bundled list once."""
    return PublicSuffixList()
