"""Random valid record sets of every type, for round trips."""

import base64
import ipaddress
import random
import string
from collections.abc import Callable, Iterator

from nameplate.core.rdata import parse
from nameplate.core.records import RRset

_LABEL = string.ascii_lowercase + string.digits
_TEXT = string.ascii_letters + string.digits + " ;:=-_/+.,\"\\'()@#%&<>" + "äßπ日"
_CUTS = frozenset({"DNAME", "DS", "NS"})
_AT_HOSTS = frozenset({"A", "AAAA", "MX"})


def rrsets(chance: random.Random, count: int, origin: str) -> Iterator[RRset]:
    """Yield `count` record sets, each at a name of its own."""
    for number in range(count):
        rdtype = chance.choice(sorted(_MAKERS))
        # BIND takes addresses and mail at names of hosts only (`check-names`), and no DS, NS or DNAME at a
        # wildcard.
        names = ["r{n}", "*.r{n}", "a.b-c.r{n}", "_x._tcp.r{n}"]
        names = names[:3] if rdtype in _AT_HOSTS else names[::2] if rdtype in _CUTS else names
        name = chance.choice(names).format(n=number)
        many = 1 if rdtype in {"ALIAS", "CNAME", "DNAME"} else chance.choice([1, 1, 2, 3])
        made = {parse(rdtype, _MAKERS[rdtype](chance), origin=origin).text for _ in range(many)}
        ttl = chance.choice([60, 300, 1800, 3600, 43_200])
        yield RRset(f"{name}.{origin}", rdtype, ttl, tuple(sorted(made)))


def _host(chance: random.Random) -> str:
    labels = ["".join(chance.choices(_LABEL, k=chance.randint(2, 12))) for _ in range(3)]
    return ".".join([f"h{label}" for label in labels] + [chance.choice(["com", "example"])])


def _text(chance: random.Random) -> str:
    length = chance.choice([1, 20, 80, 255, 256, 600])
    text = "".join(chance.choices(_TEXT, k=length))
    return f"x{text}x"  # wholly in quotes would be presentation form


def _digest(chance: random.Random, octets: int) -> str:
    return chance.randbytes(octets).hex()


def _six(chance: random.Random) -> str:
    return str(ipaddress.IPv6Address(0x20010DB8 << 96 | chance.getrandbits(90)))


def _four(chance: random.Random) -> str:
    return str(ipaddress.IPv4Address(0xC0000000 | chance.getrandbits(20)))


def _service(chance: random.Random) -> str:
    if chance.random() < 0.3:
        return f"0 {_host(chance)}"
    words = ["alpn=h2,h3", f"port={chance.randint(1, 65535)}", f"ipv4hint={_four(chance)}"]
    words.append(f"ipv6hint={_six(chance)}")
    return " ".join(
        [
            str(chance.randint(1, 9)),
            chance.choice([".", _host(chance)]),
            *words[: chance.randint(0, 4)],
        ]
    )


def _caa(chance: random.Random) -> str:
    return chance.choice(
        [
            f'0 issue "{_host(chance)}"',
            f'0 issuewild "{_host(chance)}; validationmethods=dns-01"',
            '128 issue ";"',
            f'0 iodef "mailto:sec@{_host(chance)}"',
            f'0 iodef "https://{_host(chance)}/report?a=1"',
        ]
    )


def _naptr(chance: random.Random) -> str:
    rest = chance.choice(
        [
            f'"s" "SIP+D2U" "" _sip._udp.{_host(chance)}',
            '"u" "E2U+sip" "!^(.*)$!sip:a\\\\1@example.com!" .',
            f'"" "x;\\"y\\" \\195\\169" "" {_host(chance)}',
            '"a" "" "/(.*)/b/i" .',
        ]
    )
    return f"{chance.randint(0, 65535)} {chance.randint(0, 65535)} {rest}"


def _loc(chance: random.Random) -> str:
    angles = (
        f"{chance.randint(0, top)} {chance.randint(0, 59)} {chance.randint(0, 59_999) / 1000:.3f}"
        for top in (89, 179)
    )
    latitude, longitude = angles
    altitude = chance.randint(-1_000_000, 2_000_000) / 100
    sizes = (f"{chance.randint(0, 9) * 10 ** chance.randint(0, 9) / 100:.2f}m" for _ in range(3))
    north, east = chance.choice("NS"), chance.choice("EW")
    more = f" {' '.join(sizes)}" if chance.random() < 0.6 else ""
    return f"{latitude} {north} {longitude} {east} {altitude:.2f}m{more}"


def _uri(chance: random.Random) -> str:
    ends = ["", "a;b?c=d", "%20(x)", '\\"q\\"', "\\195\\169", "x" * 300]
    host = _host(chance)
    return f'{chance.randint(0, 9)} {chance.randint(0, 9)} "https://{host}/{chance.choice(ends)}"'


def _key(chance: random.Random) -> str:
    return base64.b64encode(chance.randbytes(chance.choice([1, 2, 3, 40, 1200]))).decode()


def _person(chance: random.Random) -> str:
    mailbox = chance.choice(["", "first\\.last."]) + _host(chance)
    return f"{mailbox} {chance.choice(['.', _host(chance)])}"


_MAKERS: dict[str, Callable[[random.Random], str]] = {
    "A": _four,
    "AAAA": _six,
    "ALIAS": _host,
    "CAA": _caa,
    "CNAME": _host,
    "DNAME": _host,
    "DS": lambda c: f"{c.randint(0, 65535)} 13 2 {_digest(c, 32)}",
    "HTTPS": _service,
    "LOC": _loc,
    "MX": lambda c: f"{c.randint(0, 65535)} {_host(c)}",
    "NAPTR": _naptr,
    "NS": _host,
    "OPENPGPKEY": _key,
    "PTR": _host,
    "RP": _person,
    "SMIMEA": lambda c: f"{c.randint(0, 3)} {c.randint(0, 1)} 2 {_digest(c, 64)}",
    "SRV": lambda c: f"{c.randint(0, 9)} {c.randint(0, 99)} {c.randint(1, 65535)} {_host(c)}",
    "SSHFP": lambda c: f"{c.choice([1, 3, 4])} 2 {_digest(c, 32)}",
    "SVCB": _service,
    "TLSA": lambda c: f"3 1 {c.choice([1])} {_digest(c, 32)}",
    "TXT": _text,
    "URI": _uri,
}
