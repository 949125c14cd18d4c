"""A name at which all is well, for tests that change one thing about it."""

from dataclasses import replace
from typing import Any

from nameplate.core.diagnosis.checks import diagnose
from nameplate.core.diagnosis.observed import DnsLook, Expected, Observed, Said, Target

NAME = "shop.example.com"
PROOF = f"_nameplate-challenge.{NAME}"
VALUE = "nameplate-verification=k7m2p4qw6xz3v5n7b9c2d4f6h8j2l4n6"
ADDRESS = "93.184.215.14"


def data(*values: str, server: str = "ns1.example.net") -> Said:
    """Return an answer with these values."""
    return Said(f"{server} (192.0.2.53)", "data", values, 300)


def none(server: str = "ns1.example.net") -> Said:
    """Return an answer that there is nothing."""
    return Said(f"{server} (192.0.2.53)", "nodata", detail="the name has no such record")


def silent(server: str = "ns1.example.net", kind: str = "timeout") -> Said:
    """Return what is noted of a server that gave no answer."""
    return Said(f"{server} (192.0.2.53)", kind, detail="did not answer")


def look(rdtype: str, *answers: Said, name: str = NAME) -> DnsLook:
    """Return a look at a name."""
    return DnsLook(name, rdtype, answers)


WELL = Observed(
    name=NAME,
    registrable="example.com",
    zone="example.com",
    parent=("ns1.example.net",),
    listed=(data("ns1.example.net."),),
    expected=Expected("TXT", PROOF, VALUE),
    proof=look("TXT", data(VALUE), name=PROOF),
    proof_alias=look("CNAME", none(), name=PROOF),
    probe=look("TXT", none()),
    probe_alias=look("CNAME", none()),
    hosts=(look("A", data(ADDRESS)), look("AAAA", none()), look("CNAME", none())),
    target=Target("", frozenset({ADDRESS})),
    authorities=frozenset({"letsencrypt.org"}),
)


def checks(**changes: Any) -> list[str]:
    """Return the slugs of what is found when something is not well."""
    return [one.check for one in diagnose(replace(WELL, **changes))]
