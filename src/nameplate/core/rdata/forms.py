"""How the value of each type is written: what help, API description and errors show."""

from collections.abc import Mapping
from typing import NamedTuple

from nameplate.core.errors import Invalid
from nameplate.core.rdata.value import Given, wrong


class Form(NamedTuple):
    """The parts of a value, in their order, and an example."""

    parts: str
    example: str


FORMS: Mapping[str, Form] = {
    "A": Form("IPv4 address", "192.0.2.1"),
    "AAAA": Form("IPv6 address", "2001:db8::1"),
    "ALIAS": Form("host", "shop.example.net"),
    "ANAME": Form("host", "shop.example.net"),
    "CAA": Form("flags tag value", '0 issue "letsencrypt.org"'),
    "CNAME": Form("host", "shop.example.net"),
    "DNAME": Form("name", "example.net"),
    "DS": Form("key-tag algorithm digest-type digest", "60485 13 2 c0ffee..."),
    "HTTPS": Form("priority target parameters", "1 . alpn=h2"),
    "LOC": Form(
        "latitude longitude altitude size precisions", "52 22 23 N 4 53 32 E -2m 10m 100m 10m"
    ),
    "MX": Form("priority host", "10 mail.example.net"),
    "NAPTR": Form(
        "order preference flags services regexp replacement",
        '10 100 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .',
    ),
    "NS": Form("host", "ns1.example.net"),
    "OPENPGPKEY": Form("key in base64", "mDMEZ..."),
    "PTR": Form("host", "host.example.net"),
    "RP": Form("mailbox text-name", "alice.example.com info.example.com"),
    "SMIMEA": Form("usage selector matching-type data", "3 1 1 c0ffee..."),
    "SOA": Form(
        "mname rname serial refresh retry expire minimum", "ns1. host. 1 7200 3600 86400 60"
    ),
    "SRV": Form("priority weight port host", "10 5 5060 sip.example.net"),
    "SSHFP": Form("algorithm fingerprint-type fingerprint", "4 2 c0ffee..."),
    "SVCB": Form("priority target parameters", "1 . alpn=h2"),
    "TLSA": Form("usage selector matching-type data", "3 1 1 c0ffee..."),
    "TXT": Form("text", "v=spf1 -all"),
    "URI": Form("priority weight target", '10 1 "https://example.com/"'),
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
