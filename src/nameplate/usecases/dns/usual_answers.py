"""What the Internet sees at the names that zones usually have, where the present host gives no list."""

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from nameplate.core import rdata, zone_rules
from nameplate.core.errors import Invalid
from nameplate.core.names import absolute
from nameplate.core.records import RRset, merge
from nameplate.core.usual_names import QUESTIONS
from nameplate.ports.resolver import AnswerKind, Resolver

_PARALLEL = 16
_NOBODY = "nameplate-asks-for-a-name-that-nobody-has"


def ask(resolver: Resolver, origin: str) -> list[RRset]:
    """Ask for the usual names; what a wildcard answers is found once, as the wildcard."""
    with ThreadPoolExecutor(_PARALLEL) as pool:
        wild = set(_asked(resolver, f"{_NOBODY}.{origin}", ("CNAME", "A", "AAAA", "TXT", "MX")))
        names = [(absolute(label, origin), types) for label, types in QUESTIONS.items()]
        found = list(
            itertools.chain.from_iterable(
                pool.map(lambda one: list(_asked(resolver, one[0], one[1])), names)
            )
        )
    nobody = f"{_NOBODY}.{origin}"
    answered = {(one.type, one.values) for one in wild}
    starred = [RRset(f"*.{origin}", one.type, one.ttl, one.values) for one in wild]
    own = [
        one
        for one in found
        if one.name != nobody and (one.name == origin or (one.type, one.values) not in answered)
    ]
    return merge([*own, *starred])


def _asked(resolver: Resolver, name: str, types: Sequence[str]) -> Iterator[RRset]:
    """Yield what is at one name: the CNAME alone where there is one."""
    for rdtype in types:
        answers = resolver.authoritative(name, rdtype).answers
        first = next((one for one in answers if one.kind is AnswerKind.DATA), None)
        if first is None:
            continue
        values = tuple(sorted({*_canonical(rdtype, first.values, name)}))
        if values:
            yield RRset(name, rdtype, max(first.ttl, zone_rules.MIN_TTL), values)
        if rdtype == "CNAME":
            return


def _canonical(rdtype: str, values: Sequence[str], name: str) -> Iterator[str]:
    """Yield answers as rdata: a resolver gives TXT as its plain text. What is no text is left out."""
    for value in values:
        with suppress(Invalid):
            yield rdata.parse("TXT", value, origin=name).text if rdtype == "TXT" else value
