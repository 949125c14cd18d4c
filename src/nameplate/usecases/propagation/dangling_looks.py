"""Asking about names whose records may dangle: the DNS in one event loop, pages by the safe fetcher."""

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from nameplate.core import names
from nameplate.core.dangling import checks
from nameplate.core.dangling.checks import Addresses, Judged, NameSeen, ZoneSeen
from nameplate.core.diagnosis.observed import DnsLook, Observed, Said
from nameplate.core.errors import Invalid
from nameplate.ports.fetcher import HttpOutcome
from nameplate.ports.resolver import (
    Answer,
    DnsQuestion,
    Inquiry,
    LookupResult,
    WideResolver,
    carry_out,
)
from nameplate.usecases.tools import Tools

QUERIES = 6
"""Questions that a name costs on the average."""
AT_ONCE = 8
"""Pages and delegations that are looked at at the same time."""
MAX_HOPS = 8
MAX_PAGE = 64 * 1024
PATIENCE = 40.0
"""Seconds for which the event loop is waited for; each inquiry ends by itself before."""


@dataclass(frozen=True, slots=True)
class NameSubject:
    """One name to look at."""

    name: str
    registrable: str
    party: int
    """The organization whose name it is."""
    servers: Addresses
    is_delegated: bool = False
    """The delegation of its zone is looked at, too."""
    probe: str = ""
    """A label below it that nobody published; empty: wildcards are expected, or not its business."""


def look(tools: Tools, subjects: Sequence[NameSubject]) -> list[Judged]:
    """Look at all of these and return what dangles at each. Never raises for what anybody answers."""
    seen = _inquired(tools, subjects)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="nameplate-dangling") as pool:
        pages = [
            pool.submit(_page, tools, one) if one is not None and one.is_page_wanted else None
            for one in seen
        ]
        delegations = [
            pool.submit(_delegation, tools, one) if one.is_delegated else None for one in subjects
        ]
        judged = []
        for subject, one, page, delegation in zip(subjects, seen, pages, delegations, strict=True):
            found = Judged()
            if one is not None:
                found += checks.aliased(one, None if page is None else page.result())
                found += checks.left_behind(one, subject.servers) + checks.wild(one)
            if delegation is not None:
                found += checks.delegated(delegation.result())
            judged.append(found)
    return judged


def _inquired(tools: Tools, subjects: Sequence[NameSubject]) -> list[NameSeen | None]:
    """Return what the DNS says of each; None where the look itself failed."""
    resolver = tools.resolver
    found: list[NameSeen | None] = [None] * len(subjects)
    asked: list[tuple[Inquiry[NameSeen], Hashable]] = [
        (_looking(one, tools), one.party) for one in subjects
    ]
    if not isinstance(resolver, WideResolver):
        return [carry_out(inquiry, resolver) for inquiry, _ in asked]
    over, waiting = threading.Event(), set(range(len(subjects)))

    def ended(place: int, result: NameSeen | Exception) -> None:
        if isinstance(result, NameSeen):
            found[place] = result
        waiting.discard(place)
        if not waiting:
            over.set()

    if asked:
        resolver.inquire(asked, ended)
        over.wait(PATIENCE)
    return list(found)


def _looking(subject: NameSubject, tools: Tools) -> Inquiry[NameSeen]:
    """Ask for the alias and the addresses of a name, and follow where it leads."""
    name = subject.name
    asked = [DnsQuestion(name, rdtype) for rdtype in ("CNAME", "A", "AAAA")]
    if subject.probe:
        asked += [DnsQuestion(subject.probe, rdtype) for rdtype in ("A", "CNAME")]
    answered = yield asked
    looks = [_look(question, result) for question, result in zip(asked, answered, strict=True)]
    chain: list[str] = []
    hop = looks[0]
    while hop.values and len(chain) < MAX_HOPS:
        target = hop.values[0].removesuffix(".").lower()
        if target == name or target in chain:
            break
        chain.append(target)
        question = DnsQuestion(target, "CNAME")
        (result,) = yield [question]
        hop = _look(question, result)
    seen = NameSeen(
        name, looks[0], hosts=tuple(looks[1:3]), chain=tuple(chain), probes=tuple(looks[3:])
    )
    base = _registrable(chain[-1], tools) if seen.is_missing else None
    if base is None:
        return seen
    question = DnsQuestion(base, "SOA")
    (result,) = yield [question]
    return replace(seen, base=_look(question, result))


def _page(tools: Tools, seen: NameSeen) -> str | None:
    """Return what the name shows by HTTP, from its beginning; None when nothing came."""
    if tools.pages is None:
        return None
    got = tools.pages.fetch(
        seen.name, "/", max_body=MAX_PAGE, truncate=True, redirects=True, any_status=True
    )
    if got.category is not HttpOutcome.ANSWERED:
        return None
    return got.body.decode("utf-8", "replace")


def _delegation(tools: Tools, subject: NameSubject) -> ZoneSeen:
    """Return who is said to serve the name's zone, and which of them anybody can set up."""
    found = tools.resolver.delegation(subject.name)
    observed = Observed(
        name=subject.name,
        registrable=subject.registrable,
        zone=found.zone,
        parent=found.parent,
        listed=_said(found.answers),
    )
    if not names.is_within(observed.zone, observed.registrable):
        return ZoneSeen(_unregistered(tools, observed))
    working = {one.name for one in observed.listed if one.kind == "data"}
    free = {}
    for server in found.parent:
        base = _registrable(server, tools)
        if server in working or base is None or names.is_within(base, subject.registrable):
            continue
        said = {one.kind.value for one in tools.resolver.authoritative(base, "SOA").answers}
        if said == {"nxdomain"}:
            free[server] = base
    return ZoneSeen(observed, free)


def _unregistered(tools: Tools, observed: Observed) -> Observed:
    """Return what the servers above say of a domain without a zone; no zone where that tells nothing."""
    result = tools.resolver.authoritative(observed.registrable, "SOA")
    said = _said(result.answers)
    is_gone = {one.kind for one in said} == {"nxdomain"}
    return replace(observed, zone=result.zone if is_gone else "", parent=(), listed=said)


def _registrable(name: str, tools: Tools) -> str | None:
    try:
        return names.parse(
            name, underscore=True, private_suffix=True, special_use=tools.special_use
        ).registrable
    except Invalid:
        return None


def _look(question: DnsQuestion, result: LookupResult) -> DnsLook:
    return DnsLook(question.name, question.rdtype, _said(result.answers))


def _said(answers: Sequence[Answer]) -> tuple[Said, ...]:
    return tuple(
        Said(one.server, one.kind.value, one.values, one.ttl, one.detail) for one in answers
    )


class ScanPace:
    """How many names a process looks at: the servers that are asked are other people's."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing asked."""
        self._clock = clock
        self._lock = threading.Lock()
        self._free_at = 0.0

    def wait(self, count: int, queries: float) -> float:
        """Take room for so many names, of so many questions a second; return 0, or how long to wait.

        Who has to wait takes nothing, and asks again.
        """
        with self._lock:
            now = self._clock()
            if self._free_at > now:
                return self._free_at - now
            self._free_at = max(self._free_at, now - 1.0) + count * QUERIES / queries
            return 0.0


PACE = ScanPace()
"""Of all names that this process looks at."""
