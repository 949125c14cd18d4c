"""What stops answering when a name goes to other name servers."""

import pytest

from nameplate.core.leaving import lost
from nameplate.core.records import RRset

ZONE = "acme.test"


def of(*lines: str) -> list[RRset]:
    """Read `name type value` lines; the name is relative, `@` the zone."""
    found = []
    for line in lines:
        name, rdtype, value = line.split(maxsplit=2)
        absolute = ZONE if name == "@" else f"{name}.{ZONE}"
        found.append(RRset(absolute, rdtype, 300, (value,)))
    return found


@pytest.mark.parametrize(
    ("new", "gone"),
    [
        (["@ A 192.0.2.1", "www A 192.0.2.1", "@ MX 1 m."], []),
        (["@ A 192.0.2.9", "www CNAME x."], ["@ MX"]),
        (["@ ALIAS x.", "*  A 192.0.2.1"], ["@ MX"]),
        (["* A 192.0.2.1"], ["@ A", "@ MX"]),
        (["* CNAME x.", "a.www TXT t"], ["@ A", "@ MX", "www A"]),
        ([], ["@ A", "@ MX", "www A"]),
    ],
)
def test_what_nothing_answers_for(new: list[str], gone: list[str]) -> None:
    """Another value is an answer; a wildcard answers where nothing is at or below the name."""
    present = of("@ NS ns1.", "@ SOA s.", "@ A 192.0.2.1", "@ MX 1 m.", "www A 192.0.2.1")
    told = [(one.name, one.type) for one in lost(present, of(*new), ZONE)]
    expected = [
        (ZONE if name == "@" else f"{name}.{ZONE}", rdtype)
        for name, rdtype in (line.split() for line in gone)
    ]
    assert told == sorted(expected)
