"""Whether a zone's signatures hold (DNSSEC): from its parent's DS to its own records."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import dns.exception
import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.DS import DS

from nameplate.adapters.resolver.asking import in_threads
from nameplate.adapters.resolver.query import QueryBudget, Unanswered
from nameplate.adapters.resolver.recursor import Recursor
from nameplate.adapters.resolver.servers import Servers, Zone
from nameplate.core.egress import EgressPolicy
from nameplate.ports.resolver import Signatures

_MAX_QUERIES = 40
_SERVERS = 4
"""Servers of a zone that are asked in turn until one answers."""
_MAX_KEYS = 16
"""Keys, DS records or signatures of one set: a zone with more is not judged, for each pair may cost a
signature check (CVE-2023-50387)."""


class DnssecChecker:
    """Implements `SignatureChecker`. Threads may share it; every look is bounded.

    The parent's DS records are taken as its servers give them: what is above the parent is not
    validated.
    """

    def __init__(
        self,
        policy: EgressPolicy,
        clock: Callable[[], datetime],
        *,
        recursor: tuple[str, int] | None = None,
        overrides: Mapping[str, Sequence[tuple[str, str, int]]] | None = None,
        port: int = 53,
        seconds: float = 10.0,
    ) -> None:
        """Find servers as `AuthoritativeResolver` does; `clock` decides which signatures have expired."""
        found = Recursor(None if recursor is None else (recursor,))
        self._servers = Servers(policy, found, overrides or {}, port)
        self._seconds = seconds
        self._clock = clock

    def signatures(self, zone: str, name: str, rdtype: str) -> Signatures | None:
        """Check the zone's keys against its parent, and by them its SOA and one record set."""
        budget = QueryBudget(self._seconds, _MAX_QUERIES)
        now = self._clock().timestamp()
        try:
            apex = dns.name.from_text(zone).canonicalize()
            if self._servers.overridden(apex) is not None or apex == dns.name.root:
                return None
            above = in_threads(self._servers.above(apex.parent(), budget))
            ds = _rrset(self._ask(above, apex, "DS", budget), apex, "DS")
            own = in_threads(self._servers.above(apex, budget))
            answered = self._ask(own, apex, "DNSKEY", budget)
            keys = _rrset(answered, apex, "DNSKEY")
            if max(len(ds or ()), len(keys or ())) > _MAX_KEYS:
                return None
            if ds is None or keys is None:
                told = tuple(_shown(one) for one in (ds, keys) if one is not None)
                fault = "no_keys" if ds is not None else ""
                return Signatures(ds is not None, keys is not None, fault, told)
            fault, told = _chain(apex, ds, keys, answered, now)
            for owner, kind in ((apex, "SOA"), (dns.name.from_text(name), rdtype)):
                fault = fault or self._fault(own, keys, owner, kind, budget=budget, now=now)
                told = told or _told(owner, kind, fault)
        except (Unanswered, dns.exception.DNSException):
            return None
        return Signatures(has_ds=True, has_keys=True, fault=fault, evidence=(_shown(ds), *told))

    def _ask(
        self, zone: Zone, name: dns.name.Name, rdtype: str, budget: QueryBudget
    ) -> dns.message.Message:
        apex, candidates = zone
        failure: Unanswered | None = None
        for candidate in candidates[:_SERVERS]:
            try:
                return self._servers.signed(candidate, name, rdtype, apex, budget)
            except Unanswered as error:
                failure = error
        if failure is None:
            raise dns.exception.DNSException
        raise failure

    def _fault(
        self,
        own: Zone,
        keys: dns.rrset.RRset,
        name: dns.name.Name,
        rdtype: str,
        *,
        budget: QueryBudget,
        now: float,
    ) -> str:
        """Return why a record set of the zone cannot be validated by its keys."""
        message = self._ask(own, name, rdtype, budget)
        there = _rrset(message, name, rdtype)
        return "" if there is None else _validate(message, there, {own[0]: keys}, now)


def _chain(
    apex: dns.name.Name,
    ds: dns.rrset.RRset,
    keys: dns.rrset.RRset,
    answered: dns.message.Message,
    now: float,
) -> tuple[str, tuple[str, ...]]:
    """Return why the keys do not follow from the DS records, and where; nothing when they do."""
    supported = [one for one in ds if isinstance(one, DS) and one.algorithm in _ALGORITHMS]
    if not supported:
        return "", ()  # nobody validates by an algorithm that is not known (RFC 4035 section 5.2)
    trusted = [key for key in keys if _is_named(key, apex, supported)]
    if not trusted:
        return "ds_mismatch", (_shown(keys),)
    anchor = dns.rrset.from_rdata_list(apex, keys.ttl, trusted)
    fault = _validate(answered, keys, {apex: anchor}, now)
    return fault, _told(apex, "DNSKEY", fault)


def _told(name: dns.name.Name, rdtype: str, fault: str) -> tuple[str, ...]:
    return (f"{rdtype} of {name}: {fault.replace('_', ' ')}",) if fault else ()


_ALGORITHMS = frozenset({5, 7, 8, 10, 13, 14, 15, 16})
"""Those that resolvers validate by (RFC 8624)."""


def _rrset(
    message: dns.message.Message, name: dns.name.Name, rdtype: str
) -> dns.rrset.RRset | None:
    kind = dns.rdatatype.from_text(rdtype)
    return message.get_rrset(message.answer, name, dns.rdataclass.IN, kind)


def _is_named(key: dns.rdata.Rdata, apex: dns.name.Name, ds: Sequence[DS]) -> bool:
    """Tell whether a DS record names this key."""
    from dns import dnssec  # noqa: PLC0415 - most processes look at no signature

    for one in ds:
        try:
            if dnssec.make_ds(apex, key, one.digest_type, validating=True) == one:
                return True
        except (dns.exception.DNSException, ValueError):
            continue
    return False


def _validate(
    message: dns.message.Message,
    rrset: dns.rrset.RRset,
    keys: Mapping[dns.name.Name, dns.rrset.RRset],
    now: float,
) -> str:
    """Return why no signature of a record set holds; empty when one does."""
    from dns import dnssec  # noqa: PLC0415 - the same

    found = message.get_rrset(
        message.answer, rrset.name, dns.rdataclass.IN, dns.rdatatype.RRSIG, rrset.rdtype
    )
    if found is None:
        return "unsigned"
    if len(found) > _MAX_KEYS:
        return ""
    try:
        dnssec.validate(rrset, found, dict(keys), now=now)
    except (dns.exception.DNSException, ValueError):
        if all(one.expiration < now for one in found):
            return "expired"
        return "not_yet_valid" if all(one.inception > now for one in found) else "invalid"
    return ""


def _shown(rrset: dns.rrset.RRset) -> str:
    from dns import dnssec  # noqa: PLC0415 - the same

    kind = dns.rdatatype.to_text(rrset.rdtype)
    tags = [one.key_tag if kind == "DS" else dnssec.key_id(one) for one in rrset]
    return f"{rrset.name} {kind}: key tags {', '.join(map(str, tags))}"
