"""Hosts that a wildcard answers for, and would not once a record at or below them is published.

An owner who publishes the proof of `blue.apps` in a zone with `*.apps` takes that site off
(RFC 4592). Whether it is so can be asked: a name that nobody published has the same answers.
"""

from collections.abc import Iterator, Sequence

from nameplate.core.dns_hosts.entry import Purpose, RecordToPublish
from nameplate.core.names import is_below, parent, self_and_ancestors
from nameplate.ports.resolver import AnswerKind
from nameplate.usecases.tools import Tools

MAX_HOSTS = 10
"""Hosts that are asked about: more have the same wildcard."""
_TYPES = ("CNAME", "A", "AAAA")


def preserving(
    tools: Tools, zone: str, records: Sequence[RecordToPublish]
) -> list[RecordToPublish]:
    """Return what must be published before `records`, so that hosts in `zone` stay as they are."""
    leading = {record.name for record in records if record.type in {*_TYPES, "ALIAS"}}
    label = f"nameplate-{tools.random(5).hex()}"
    found: list[RecordToPublish] = []
    for host in list(dict.fromkeys(_hosts(zone, records)))[:MAX_HOSTS]:
        if host in leading:
            continue
        for rdtype, values, ttl in _wild(tools, host, label):
            found += [
                RecordToPublish(Purpose.PRESERVATION, rdtype, name, value.removesuffix("."), ttl)
                for name in (host, f"*.{host}")
                for value in values
            ]
    return found


def _hosts(zone: str, records: Sequence[RecordToPublish]) -> Iterator[str]:
    """Yield the names that come to exist with the records and may be hosts, top down."""
    for record in records:
        for name in reversed(self_and_ancestors(record.name)):
            if is_below(name, zone) and "._" not in f".{name}" and not name.startswith("*"):
                yield name


def _wild(tools: Tools, host: str, label: str) -> Iterator[tuple[str, tuple[str, ...], int]]:
    """Yield what a wildcard answers for the host: type, values, TTL.

    A name below the host that nobody published has the same answers, so that the host itself does
    not exist; one beside it has them, so that no wildcard of the host's own is meant.
    """
    for rdtype in _TYPES:
        names = (f"{label}.{host}", f"{label}.{parent(host)}", host)
        found = [_values(tools, name, rdtype) for name in names]
        values, ttl = found[0]
        if values and all(other == values for other, _ in found):
            yield rdtype, values, ttl
            if rdtype == "CNAME":
                return


def _values(tools: Tools, name: str, rdtype: str) -> tuple[tuple[str, ...], int]:
    """Return the values on which the authoritative servers agree, and their TTL."""
    result = tools.resolver.authoritative(name, rdtype)
    if not result.unanimous or result.answers[0].kind is not AnswerKind.DATA:
        return (), 0
    return result.answers[0].values, result.answers[0].ttl
