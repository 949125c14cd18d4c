"""The DNS records of a seeded domain: what zones usually hold, in canonical form."""

import hashlib
from collections.abc import Callable
from typing import Any, Protocol

_CHALLENGE = "_nameplate-challenge"
_LEADING = 3
"""Records of a served domain, from the first, that lead to its binding."""
_STRING = 255
_LONG = 64
"""Every so many numbered TXT records one is long, as verification and policy texts are."""


_Rdata = tuple[str, str, str, int | None, int | None, int | None]
"""Type, name, value, priority, weight and port."""


class Owner(Protocol):
    """What a record takes from its domain."""

    number: int
    organization: int
    status: str
    base: str
    dice: int


def record(it: Owner, number: int, place: int, *, served: bool, at: str) -> tuple[Any, ...]:
    """Return the row of the record at this `place` (from 0) of the domain, in `_RECORDS` order."""
    made = _USUAL[place](it) if place < len(_USUAL) else _numbered(it, place)
    kind, name, value, priority, weight, port = made
    made_for: str | None = None
    if served and place < _LEADING:
        made_for = "application_domain_binding"
    elif name == _CHALLENGE:
        made_for = "domain_verification"
    status = "active" if it.status in {"active", "verified"} else "pending"
    if it.dice >> place % 48 & 63 == 0:
        status = "error"
    known = status == "active"
    return (
        number, it.organization, it.number, made_for, it.number if made_for else None, kind, name,
        value, hashlib.sha256(value.encode()).hexdigest(), 300 if kind == "A" else 3600, priority,
        weight, port, status, at if known else None, int(known), at, at,
    )  # fmt: skip


def _plain(kind: str, name: str, value: str) -> _Rdata:
    return kind, name, value, None, None, None


def _challenge(it: Owner) -> _Rdata:
    # The number keeps the tokens of two domains apart.
    text = f'"nameplate-verification={it.dice:016x}{it.number:08x}"'
    return _plain("TXT", _CHALLENGE, text)


def _dkim(dice: int) -> str:
    """Return a public key of 2,048 bits as mail servers publish it: two strings of one TXT."""
    key = "".join(hashlib.sha512(f"{dice}.{part}".encode()).hexdigest() for part in range(3))
    text = f"v=DKIM1; k=rsa; p={key}"
    return f'"{text[:_STRING]}" "{text[_STRING:]}"'


_USUAL: tuple[Callable[[Owner], _Rdata], ...] = (
    lambda it: _plain("A", "@", f"203.0.113.{1 + it.dice % 254}"),
    lambda it: _plain("AAAA", "@", f"2001:db8::{1 + it.dice % 65535:x}"),
    lambda it: _plain("CNAME", "www", f"{it.base}."),
    _challenge,
    lambda _: ("MX", "@", "mx1.seeded-mail.net.", 10, None, None),
    lambda _: _plain("TXT", "@", '"v=spf1 include:_spf.seeded-mail.net -all"'),
    lambda it: _plain("TXT", "mail._domainkey", _dkim(it.dice)),
    lambda _: _plain("CAA", "@", '0 issue "letsencrypt.org"'),
    lambda _: ("MX", "@", "mx2.seeded-mail.net.", 20, None, None),
    lambda _: ("SRV", "_imaps._tcp", "imap.seeded-mail.net.", 0, 1, 993),
    lambda _: _plain("NS", "lab", "ns1.seeded-dns.net."),
    lambda it: _plain("PTR", "printer", f"host.{it.base}."),
)
"""What a zone holds first; no two places give the same."""


def _numbered(it: Owner, place: int) -> _Rdata:
    """Return a host of a larger zone: half addresses, a quarter aliases, a quarter texts."""
    name = f"h{place}"
    kind = place & 3
    if kind <= 1:
        return _plain("A", name, f"198.51.100.{1 + (it.dice + place) % 254}")
    if kind == 2:  # noqa: PLR2004 - the quarter of the aliases
        return _plain("CNAME", name, f"{it.base}.")
    if place % _LONG == _LONG - 1:
        return _plain("TXT", name, _dkim(it.dice + place))
    return _plain("TXT", name, f'"note-{place}-{it.dice:016x}"')
