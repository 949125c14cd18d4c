"""Texts are compared joined: where one is cut into strings says nothing (RFC 7208 3.3, RFC 6376 3.6.2.2)."""

from collections.abc import Iterable

from nameplate.core.rdata.text import rejoined
from nameplate.core.records import RRset

Value = tuple[str, str, str]
"""Absolute owner name, type, whole canonical rdata."""
SPELLED = frozenset({"TXT"})
"""Types whose values are cut into strings."""


class Spelling:
    """How the texts of a zone are cut into strings; of one text the last that is told counts."""

    def __init__(self, rrsets: Iterable[RRset]) -> None:
        """Learn the texts of record sets."""
        self._texts: dict[tuple[str, str], str] = {}
        self._exact: set[tuple[str, str]] = set()
        for rrset in rrsets:
            if rrset.type in SPELLED:
                for value in rrset.values:
                    self._exact.add((rrset.name, value))
                    self._texts[rrset.name, rejoined(value)] = value

    def of(self, value: Value) -> Value:
        """Return the value as the zone has it, the very same where it has none or just that."""
        name, rdtype, text = value
        if rdtype not in SPELLED or not self._texts or (name, text) in self._exact:
            return value
        known = self._texts.get((name, rejoined(text)))
        return value if known is None else (name, rdtype, known)
