"""How the value of each type is written: what help, API description and errors show."""

from collections.abc import Mapping
from typing import NamedTuple

from nameplate.core.errors import Invalid
from nameplate.core.rdata.value import Given, wrong


class ValueForm(NamedTuple):
    """The parts of a value, in their order, and an example."""

    parts: str
    example: str


FORMS: Mapping[str, ValueForm] = {
    "A": ValueForm("IPv4 address", "192.0.2.1"),
    "AAAA": ValueForm("IPv6 address", "2001:db8::1"),
    "ALIAS": ValueForm("host", "shop.example.net"),
    "ANAME": ValueForm("host", "shop.example.net"),
    "CAA": ValueForm("flags tag value", '0 issue "letsencrypt.org"'),
    "CNAME": ValueForm("host", "shop.example.net"),
    "DNAME": ValueForm("name", "example.net"),
    "DS": ValueForm("key-tag algorithm digest-type digest", "60485 13 2 c0ffee..."),
    "HTTPS": ValueForm("priority target parameters", "1 . alpn=h2"),
    "LOC": ValueForm(
        "latitude longitude altitude size precisions", "52 22 23 N 4 53 32 E -2m 10m 100m 10m"
    ),
    "MX": ValueForm("priority host", "10 mail.example.net"),
    "NAPTR": ValueForm(
        "order preference flags services regexp replacement",
        '10 100 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .',
    ),
    "NS": ValueForm("host", "ns1.example.net"),
    "OPENPGPKEY": ValueForm("key in base64", "mDMEZ..."),
    "PTR": ValueForm("host", "host.example.net"),
    "RP": ValueForm("mailbox text-name", "alice.example.com info.example.com"),
    "SMIMEA": ValueForm("usage selector matching-type data", "3 1 1 c0ffee..."),
    "SOA": ValueForm(
        "mname rname serial refresh retry expire minimum", "ns1. host. 1 7200 3600 86400 60"
    ),
    "SRV": ValueForm("priority weight port host", "10 5 5060 sip.example.net"),
    "SSHFP": ValueForm("algorithm fingerprint-type fingerprint", "4 2 c0ffee..."),
    "SVCB": ValueForm("priority target parameters", "1 . alpn=h2"),
    "TLSA": ValueForm("usage selector matching-type data", "3 1 1 c0ffee..."),
    "TXT": ValueForm("text", "v=spf1 -all"),
    "URI": ValueForm("priority weight target", '10 1 "https://example.com/"'),
}
"""Every type that is managed."""


def misshapen(given: Given, reason: str = "") -> Invalid:
    """Return the error for a value that does not have the form of its type, which it shows."""
    form = FORMS[given.type]
    said = f" ({reason})" if reason else ""
    return wrong(
        "/value",
        "value_invalid",
        f"Expected {form.parts} for {given.type}, such as `{form.example}`{said}.",
    )
