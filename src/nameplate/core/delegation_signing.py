"""DS records at the parent (RFC 4034 section 5), and in which order they and name servers change.

A resolver that validates rejects a zone whose keys match no DS record that it knows. So a zone's DS
records are published once its servers answer with the keys, and removed, and forgotten everywhere,
before other servers answer without them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

FORGOTTEN = timedelta(hours=25)
"""After the registrar has no DS record any more: registries give them a day to live, and need some time."""
_SHA256 = 2
_BROKEN = frozenset({1})
"""SHA-1 as digest (RFC 8624 section 3.3)."""


@dataclass(frozen=True, slots=True, order=True)
class Ds:
    """A DS record at the parent."""

    key_tag: int
    algorithm: int
    digest_type: int
    digest: str
    """Hexadecimal, upper case."""
    public_key: str = ""
    """DNSKEY material in base64, for registrars that want the key instead of its digest."""
    flags: int = 257

    @property
    def text(self) -> str:
        """It as a record's value, which is what makes two of them the same."""
        return f"{self.key_tag} {self.algorithm} {self.digest_type} {self.digest}"


def chosen(offered: Collection[Ds]) -> tuple[Ds, ...]:
    """Return one DS of each key: SHA-256 where it is among them, and never SHA-1."""
    keys = {(one.key_tag, one.algorithm) for one in offered}
    found = []
    for key in sorted(keys):
        same = [
            one
            for one in sorted(offered)
            if (one.key_tag, one.algorithm) == key and one.digest_type not in _BROKEN
        ]
        found += [one for one in same if one.digest_type == _SHA256][:1] or same[:1]
    return tuple(found)


class ChainStep(StrEnum):
    """What is to be done next at the registrar."""

    NOTHING = "nothing"
    DELEGATE = "delegate"
    """Set the name servers."""
    PUBLISH = "publish"
    """Make the zone's DS records those of the parent."""
    WITHDRAW = "withdraw"
    """Remove every DS record."""
    WAIT_FORGOTTEN = "wait_forgotten"
    """Resolvers may still know DS records that were removed."""
    WAIT_SHOWN = "wait_shown"
    """The registry does not give out the name servers yet, or not all of them have the keys."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A name between its registrar, its registry and its zone."""

    at_registrar: frozenset[str] = frozenset()
    """DS records that the registrar has."""
    of_zone: frozenset[str] | None = None
    """Those of the zone that is to be served; empty: it is not signed. None: its host does not say."""
    is_delegated: bool = True
    """The registrar has the wanted name servers, or nobody wants others."""
    is_shown: bool = False
    """The registry gives them out, and each of them answers with the keys."""
    is_ours: bool = False
    """The DS records are kept by Nameplate."""
    withdrawn_at: datetime | None = None


def next_step(chain: Chain, now: datetime) -> ChainStep:
    """Return what to do next, such that no resolver ever meets a zone without the keys it expects."""
    if not chain.is_delegated:
        if chain.at_registrar and not chain.at_registrar <= (chain.of_zone or frozenset()):
            return ChainStep.WITHDRAW
        if (
            not chain.at_registrar
            and chain.withdrawn_at is not None
            and now < chain.withdrawn_at + FORGOTTEN
        ):
            return ChainStep.WAIT_FORGOTTEN
        return ChainStep.DELEGATE
    if chain.of_zone is None or chain.at_registrar == chain.of_zone:
        return ChainStep.NOTHING
    if not chain.of_zone:
        return ChainStep.WITHDRAW if chain.is_ours else ChainStep.NOTHING
    return ChainStep.PUBLISH if chain.is_shown else ChainStep.WAIT_SHOWN
