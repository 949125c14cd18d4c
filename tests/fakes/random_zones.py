"""Random zones in every writing of RFC 1035: what is left out, in which order, with which escapes."""

import random
from collections.abc import Callable

_LABELS = ["a", "b-c", "w", "_x._tcp", "m1", "deep.er", "UP", "x0"]
_NOT_AT_WILDCARDS = {"CNAME", "DNAME", "NS"}
_UNITS = ["60", "300", "1h", "1H30M", "2d", "1w", "86400"]


class RandomZone:
    """Writes one zone, entry by entry; each choice is the chance's."""

    def __init__(self, chance: random.Random, zone: str = "example.com") -> None:
        self._chance = chance
        self._zone = zone
        self._number = 0
        self._may_go_on = False
        """Whether an entry may leave its owner out: not after a CNAME, which is alone."""
        self.says_ttl = chance.random() < 0.5
        """Whether the zone begins with `$TTL`."""
        self.soa_ttl = chance.random() < 0.7 or self.says_ttl
        """Whether the SOA, or `$TTL` before it, states one."""

    def text(self, count: int = 20) -> str:
        """Return the zone file."""
        chance = self._chance
        lines = ["$TTL 3h"] if self.says_ttl else []
        if chance.random() < 0.3:
            lines.append(f"$ORIGIN {self._zone}.")
        ttl = "900 " if self.soa_ttl else ""
        lines.append(
            f"@ {ttl}IN SOA ns1.example.net. host.example.net. ( 1 ; serial (\n"
            "\t7200 3600 1209600\n   900 )"
        )
        lines.append(f"{self._zone}. NS ns1.example.net.")
        lines += [self._entry() for _ in range(count)]
        return "\n".join(lines) + "\n"

    def _entry(self) -> str:
        chance = self._chance
        kind = chance.random()
        if kind < 0.06:
            return chance.choice(["", "  \t ", '; a comment ( " of any kind', "\t; another"])
        if kind < 0.10:
            return f"$TTL {chance.choice(_UNITS)} ; from here" if self.says_ttl else ""
        if kind < 0.15:
            return f"$ORIGIN {chance.choice(['sub', f'sub.{self._zone}.', f'{self._zone}.'])}"
        if kind < 0.20:
            self._number += 1
            self._may_go_on = False
            name = f"g{self._number}-"
            step = chance.choice(["1-3", "0-4/2"])
            form = chance.choice(["$", "${0,3}", "${1,2,x}"])
            return f"$GENERATE {step} {name}{form} {chance.choice(['', '60 ', 'IN '])}A 192.0.2.$"
        return self._record()

    def _record(self) -> str:
        chance = self._chance
        rdtype, data = chance.choice(_MAKERS)(self)
        heads = [chance.choice(["", "IN", "in", "CLASS1"]), chance.choice(["", *_UNITS])]
        chance.shuffle(heads)
        words = [*(word for word in heads if word), _case(chance, rdtype), *data]
        return self._owner(rdtype) + self._spaced(words) + self._ending()

    def _owner(self, rdtype: str) -> str:
        chance = self._chance
        self._number += 1
        goes_on = self._may_go_on and rdtype not in _NOT_AT_WILDCARDS
        if goes_on and chance.random() < 0.2:
            return ""  # that of the entry before
        self._may_go_on = rdtype != "CNAME"
        name = f"{chance.choice(_LABELS)}{self._number}"
        form = chance.random()
        if form < 0.2:
            return f"{name}.{self._zone}."
        if form < 0.3:
            return f"\\{ord(name[0]):03d}{name[1:]}"
        if form < 0.4 and rdtype not in _NOT_AT_WILDCARDS:
            return f"*.{name}"
        return f"{name}" if form < 0.9 else f"0/25.{name}"

    def _spaced(self, words: list[str]) -> str:
        """Return words with blanks between, over several lines where there are parentheses."""
        chance = self._chance
        at = chance.randrange(1, len(words)) if len(words) > 2 and chance.random() < 0.3 else 0
        text = ""
        for index, word in enumerate(words):
            text += chance.choice([" ", "\t", "  "])
            if at and index >= at:
                text += "( " if index == at else chance.choice(["", '; c ) "\n  ', "\n\t", ""])
            text += word
        return f"{text} )" if at else text

    def _ending(self) -> str:
        return self._chance.choice(["", "", " ", '\t; said "so', " ;"])

    def _host(self) -> str:
        return self._chance.choice(["h.example.net.", "H2.Example.NET.", "near", "near.er", "@"])

    def _strings(self) -> list[str]:
        texts = [
            '"a;b (c)"',
            "plain",
            '"say \\"x\\""',
            '"\\195\\169\\010"',
            "esc\\;aped",
            '""',
            '"é"',
        ]
        return [self._chance.choice(texts) for _ in range(self._chance.randint(1, 3))]


def _case(chance: random.Random, word: str) -> str:
    return chance.choice([word, word.lower()])


def _address(zone: RandomZone) -> tuple[str, list[str]]:
    last = zone._chance.randint(1, 254)
    if zone._chance.random() < 0.1:
        return "TYPE1", ["\\#", "4", f"c00002{last:02x}"]
    return "A", [f"192.0.2.{last}"]


_PLACES = [
    "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m",
    "52 N 4 E 1.15m",
    "0 1 S 179 59 59.9 W 100 12m 1234.56m 5",
    "90 S 180 0 0 E -100000 90000000m",
]
_MAKERS: list[Callable[[RandomZone], tuple[str, list[str]]]] = [
    _address,
    lambda z: ("AAAA", ["2001:DB8::1"]),
    lambda z: ("CNAME", [z._host()]),
    lambda z: ("MX", ["10", z._host()]),
    lambda z: ("NS", [z._host()]),
    lambda z: ("PTR", [z._host()]),
    lambda z: ("SRV", ["1", "2", "443", z._host()]),
    lambda z: ("TXT", z._strings()),
    lambda z: ("CAA", ["0", "issue", '"ca.example"']),
    lambda z: ("HTTPS", ["1", ".", "alpn=h2,h3", "port=443"]),
    lambda z: ("NAPTR", ["1", "2", '"s"', '"SIP+D2U"', '""', z._host()]),
    lambda z: ("NAPTR", ["1", "2", "u", '"a;(b\\195"', r'"!^(.*)$!sip:\\1@x!"', "."]),
    lambda z: ("DNAME", [z._host()]),
    lambda z: ("LOC", z._chance.choice(_PLACES).split()),
    lambda z: ("OPENPGPKEY", z._chance.choice(["mDMEZQ==", "mDME ZQ==", "AQID"]).split()),
    lambda z: ("RP", [z._chance.choice([r"a\.b.near", z._host()]), z._host()]),
    lambda z: ("SMIMEA", ["3", "1", "1", "ab" * 16, "CD" * 16]),
    lambda z: ("URI", ["10", "1", z._chance.choice(['"https://x/;a(b"', r'"a\"b\195"'])]),
    lambda z: ("AFSDB", ["1", z._host()]),
]
