"""What numbers and names may be, kept by the database itself whoever writes (S11)."""

from collections.abc import Mapping

import sqlalchemy as sa

_TTL = (0, 2**31 - 1)
_SIXTEEN_BITS = (0, 2**16 - 1)
_PORT = (1, 2**16 - 1)

RANGES: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "dns_records": {
        "ttl": _TTL,
        "priority": _SIXTEEN_BITS,
        "weight": _SIXTEEN_BITS,
        "port": _SIXTEEN_BITS,
    },
    "dns_ledger": {"ttl": _TTL},
    "applications": {"upstream_port": _PORT},
    "application_domain_bindings": {"port": _PORT, "traffic_weight": (0, 100)},
}
"""Table and column -> the least and the greatest number; RFC 2181 section 8 for the TTL."""
FILLED: Mapping[str, tuple[str, ...]] = {
    "organizations": ("name",),
    "applications": ("name",),
    "servers": ("name", "address"),
    "server_groups": ("name",),
    "accounts": ("name",),
    "dns_records": ("name",),
}
"""Table -> texts that may not be empty."""


def ranges(table: str) -> tuple[sa.CheckConstraint, ...]:
    """Return the CHECKs of a table."""
    numbers = RANGES.get(table, {})
    between = [
        sa.CheckConstraint(f"{column} BETWEEN {least} AND {most}", name=f"{column}_range")
        for column, (least, most) in numbers.items()
    ]
    filled = [
        sa.CheckConstraint(f"{column} <> ''", name=f"{column}_filled")
        for column in FILLED.get(table, ())
    ]
    return (*between, *filled)
