"""Looking at everything that a diagnosis judges: each question is asked once, all at the same time."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from nameplate.core.diagnosis import places
from nameplate.core.diagnosis.observed import (
    DnsLook,
    Expected,
    Observed,
    PageSeen,
    Said,
    Signing,
    Target,
)
from nameplate.core.names import is_within, parent, self_and_ancestors
from nameplate.core.registration import RegistrationProblem
from nameplate.models import VerificationMethodName
from nameplate.ports.resolver import Answer, Delegation
from nameplate.ports.verification import Verdict
from nameplate.usecases.tools import Tools

Page = tuple[VerificationMethodName, str]
"""Method and token of a proof on the web server."""
AT_ONCE = 8
"""Questions at a time."""
_CAA_NAMES = 6
_PAGES = 2
"""Addresses that are asked for a page that cannot exist."""
_HOST_TYPES = ("A", "AAAA", "CNAME")


@dataclass(frozen=True, slots=True)
class Subject:
    """What to look at, as the rows say it."""

    name: str
    """Canonical, without `*.`."""
    registrable: str
    expected: Expected | None = None
    page: Page | None = None
    target: Target | None = None
    authorities: frozenset[str] = frozenset()
    is_proved: bool = False
    is_wildcard: bool = False
    is_proxied_here: bool = False
    registration: RegistrationProblem | None = None
    sees_private: bool = True
    """Whoever asks may see what private zones of this installation hold."""


def gather(tools: Tools, subject: Subject) -> Observed:
    """Ask everything. Never raises for what the DNS or a web server says."""
    found = tools.resolver.delegation(subject.name)
    zone = found.zone or tools.resolver.authoritative(subject.name, "NS").zone
    seen = Observed(
        name=subject.name,
        registrable=subject.registrable,
        zone=zone,
        parent=found.parent,
        listed=_said(found.answers),
        expected=subject.expected,
        target=_resolved(tools, subject.target),
        authorities=subject.authorities,
        is_proved=subject.is_proved,
        is_wildcard=subject.is_wildcard,
        is_proxied_here=subject.is_proxied_here,
        alone=_alone(found),
        registration=subject.registration,
    )
    if not is_within(zone, subject.registrable):
        return seen
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="nameplate-diagnosis") as pool:
        asking = _Asking(tools, pool)
        proof = _Proof(asking, seen)
        shown = subject.sees_private or bool(found.parent)
        host = _Host(asking, seen) if shown else None
        signing = pool.submit(_signing, tools, seen)
        page = pool.submit(_page, tools, subject)
        seen = proof.into(seen)
        seen = replace(seen, is_hidden=True) if host is None else host.into(seen)
        return replace(seen, signing=signing.result(), page=page.result())


class _Asking:
    """Questions on their way."""

    def __init__(self, tools: Tools, pool: ThreadPoolExecutor) -> None:
        self.tools = tools
        self.pool = pool
        self.label = f"nameplate-{tools.random(5).hex()}"

    def look(self, name: str, rdtype: str, *, delegated: bool = False) -> Future[DnsLook]:
        resolver = self.tools.resolver

        def ask() -> DnsLook:
            found = resolver.authoritative(name, rdtype, delegated=delegated)
            return DnsLook(name, rdtype, _said(found.answers))

        return self.pool.submit(ask)


class _Proof:
    """What is to be known about a proof in DNS."""

    def __init__(self, asking: _Asking, seen: Observed) -> None:
        self._soa = asking.look(seen.zone, "SOA")
        self._expected = seen.expected
        if seen.expected is None:
            return
        name, rdtype = seen.expected.name, seen.expected.type
        beside = f"{asking.label}.{parent(name)}"
        self._proof = asking.look(name, rdtype, delegated=True)
        self._alias = asking.look(name, "CNAME")
        self._public = asking.pool.submit(asking.tools.resolver.public, name, rdtype)
        self._probe = asking.look(beside, rdtype)
        self._probe_alias = asking.look(beside, "CNAME")
        wrong = places.of(name, seen.name, seen.zone, seen.registrable)
        self._places = [asking.look(place, rdtype) for place in wrong]

    def into(self, seen: Observed) -> Observed:
        seen = replace(seen, negative_ttl=_negative_ttl(self._soa.result()))
        if self._expected is None:
            return seen
        return replace(
            seen,
            proof=self._proof.result(),
            proof_alias=self._alias.result(),
            public=_said(self._public.result()),
            probe=self._probe.result(),
            probe_alias=self._probe_alias.result(),
            places=tuple(one.result() for one in self._places),
        )


class _Host:
    """What is to be known about the name's addresses and certificates."""

    def __init__(self, asking: _Asking, seen: Observed) -> None:
        self._hosts = [asking.look(seen.name, rdtype) for rdtype in _HOST_TYPES]
        beside = f"{asking.label}.{seen.zone}"
        self._wild = [asking.look(beside, rdtype) for rdtype in ("A", "CNAME")]
        above = self_and_ancestors(seen.name, least=2)[:_CAA_NAMES]
        self._caa = [asking.look(name, "CAA") for name in above]

    def into(self, seen: Observed) -> Observed:
        return replace(
            seen,
            hosts=tuple(one.result() for one in self._hosts),
            is_wild=any(one.result().values for one in self._wild),
            caa=tuple(one.result() for one in self._caa),
        )


def _said(answers: Sequence[Answer]) -> tuple[Said, ...]:
    return tuple(
        Said(one.server, one.kind.value, one.values, one.ttl, one.detail) for one in answers
    )


def _alone(found: Delegation) -> frozenset[str]:
    """Return the name servers that only the zone or only its parent names."""
    child = {value.removesuffix(".") for one in found.answers for value in one.values}
    both = bool(child) and bool(found.parent)
    return frozenset(child ^ set(found.parent)) if both else frozenset()


def _negative_ttl(soa: DnsLook) -> int | None:
    """Return how long resolvers remember that something is not there (RFC 2308 section 5)."""
    told = [
        min(one.ttl, int(fields[-1]))
        for one in soa.answers
        for value in one.values
        if (fields := value.split()) and fields[-1].isdigit()
    ]
    return max(told, default=None)


def _resolved(tools: Tools, target: Target | None) -> Target | None:
    if target is None or not target.name:
        return target
    found = tools.resolver.addresses(target.name)
    return replace(target, addresses=target.addresses | frozenset(found))


def _signing(tools: Tools, seen: Observed) -> Signing | None:
    if tools.signatures is None:
        return None
    name, rdtype = (
        (seen.name, "A") if seen.expected is None else (seen.expected.name, seen.expected.type)
    )
    found = tools.signatures.signatures(seen.zone, name, rdtype)
    if found is None:
        return None
    return Signing(found.has_ds, found.has_keys, found.fault, found.evidence)


def _page(tools: Tools, subject: Subject) -> PageSeen | None:
    """DnsLook at a proof on the web server, and whether it answers what cannot exist; None: all is well."""
    if subject.page is None:
        return None
    method, token = subject.page
    proof = tools.methods[method].check(subject.name, token)
    if proof.verdict is Verdict.MATCH:
        return None
    catches_all = proof.verdict is Verdict.MISMATCH and _answers_all(tools, subject.name)
    return PageSeen(proof.reason, proof.message, proof.observed, catches_all=catches_all)


def _answers_all(tools: Tools, host: str) -> bool:
    """Tell whether a path that nobody published is answered with a page."""
    path = f"/.well-known/nameplate-{tools.random(8).hex()}"
    for address in tools.resolver.addresses(host)[:_PAGES]:
        fetched = tools.fetcher.fetch_at(address, host, path, max_body=64 * 1024)
        if 200 <= fetched.status < 300:  # noqa: PLR2004  # the class of success, RFC 9110
            return True
    return False
