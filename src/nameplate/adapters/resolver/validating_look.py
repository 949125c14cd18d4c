"""One DNSSEC validation: from the trust anchors of the root down to an answer (RFC 4035 section 5)."""

import random
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.DNAME import DNAME

from nameplate.adapters.resolver import chain_links
from nameplate.adapters.resolver.asking import in_threads
from nameplate.adapters.resolver.chain_links import Bogus, Keys, rrset_of, shown
from nameplate.adapters.resolver.denial import OptedOut, ProvedAbsence, Unproved
from nameplate.adapters.resolver.query import QueryBudget, Unanswered
from nameplate.adapters.resolver.reply import values
from nameplate.adapters.resolver.servers import Servers, Zone
from nameplate.ports.resolver import AnswerKind
from nameplate.ports.validation import Security, Validation

_MAX_QUERIES = 80
_MAX_ALIASES = 8
_SERVERS = 4
"""Servers of a zone, chosen at random, that are asked in turn until one answers well."""
_MAX_KEPT = 2000
_KEPT = 3600.0
"""Seconds for which a zone's keys are kept at most."""
_CNAME, _DNAME, _DNSKEY, _DS, _NSEC, _NSEC3 = (
    dns.rdatatype.CNAME,
    dns.rdatatype.DNAME,
    dns.rdatatype.DNSKEY,
    dns.rdatatype.DS,
    dns.rdatatype.NSEC,
    dns.rdatatype.NSEC3,
)
T = TypeVar("T")


class _Insecure(Exception):
    """Nobody signs for what is below this name."""


class KeptKeys(NamedTuple):
    """What is known of a zone for a while: its keys, or that it is not signed."""

    until: float
    keys: Keys | None


class ValidatingLook:
    """One validation within one budget."""

    def __init__(
        self,
        servers: Servers,
        anchors: dns.rrset.RRset,
        kept: dict[dns.name.Name, KeptKeys],
        *,
        seconds: float,
        now: float,
    ) -> None:
        """Trust `anchors`; take keys from `kept` and add to it; judge signatures as of `now`."""
        self._servers = servers
        self._anchors = anchors
        self._kept = kept
        self._now = now
        self._budget = QueryBudget(seconds, _MAX_QUERIES)
        self.has_recalled = False
        """Whether the keys of a zone were kept from before."""

    def result(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> Validation:
        """Judge one answer."""
        try:
            found = self._find(name, kind)
        except Bogus as error:
            return Validation(Security.BOGUS, fault=error.fault, detail=error.detail)
        except _Insecure as error:
            return Validation(Security.INSECURE, detail=str(error))
        except Unanswered as error:
            return Validation(Security.UNKNOWN, detail=error.detail)
        except (dns.exception.DNSException, ValueError):
            return Validation(Security.UNKNOWN, detail="an answer cannot be read")
        return Validation(Security.SECURE, found, detail="signed, up to the root")

    def _find(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> tuple[str, ...]:
        """Return the values at the end of the name's aliases."""
        for _ in range(_MAX_ALIASES + 1):
            zone = self._zone(name)
            keys = self._keys(zone)
            asked = name

            def judge(message: dns.message.Message) -> dns.name.Name | tuple[str, ...]:
                return self._judge(message, keys, asked, kind)  # noqa: B023 - called at once

            found = self._ask(zone, name, kind, judge)
            if not isinstance(found, dns.name.Name):
                return found
            name = found
        raise Unanswered(AnswerKind.SERVFAIL, "its aliases (CNAME) form a chain of more than 8")

    def _zone(self, name: dns.name.Name) -> Zone:
        """Return the closest zone at or above a name, and some of its servers."""
        if self._servers.overridden(name) is not None:
            raise _Insecure("the zone's servers were given by the operator")
        zone, names = in_threads(self._servers.named(name, self._budget))
        some = random.sample(names, min(len(names), _SERVERS))
        return zone, in_threads(self._servers.candidates(some, {}, self._budget))

    def _keys(self, zone: Zone) -> Keys:
        """Return the trusted keys of a zone; raises `_Insecure` where it need not be signed."""
        apex = zone[0].canonicalize()
        known = self._kept.get(apex)
        if known is not None and known.until > time.monotonic():
            self.has_recalled = True
            if known.keys is None:
                raise _Insecure(f"{shown(apex)} is not signed")
            return known.keys
        try:
            ds = self._anchors if apex == dns.name.root else self._delegated(apex)
        except _Insecure:
            self._keep(apex, None, _KEPT)
            raise

        def judge(message: dns.message.Message) -> Keys:
            return chain_links.trusted_keys(ds, message, self._now)

        keys = self._ask(zone, apex, _DNSKEY, judge)
        self._keep(apex, keys, min(keys.rrset.ttl, ds.ttl or _KEPT))
        return keys

    def _keep(self, apex: dns.name.Name, keys: Keys | None, seconds: float) -> None:
        if len(self._kept) >= _MAX_KEPT:
            self._kept.clear()
        self._kept[apex] = KeptKeys(time.monotonic() + min(seconds, _KEPT), keys)

    def _delegated(self, apex: dns.name.Name) -> dns.rrset.RRset:
        """Return a zone's DS records at its parent."""
        parent = self._zone(apex.parent())
        keys = self._keys(parent)

        def judge(message: dns.message.Message) -> dns.rrset.RRset:
            found = rrset_of(message.answer, apex, _DS)
            if found is not None:
                chain_links.check(message.answer, found, keys, self._now)
                if chain_links.is_supported(found):
                    return found
                raise _Insecure(f"{shown(apex)} is signed by algorithms that are not known")
            try:
                self._denial(message, keys).no_ds(apex)
            except Unproved:
                told = f"{shown(keys.zone)} neither has a DS record for {shown(apex)} nor proves that there is none"
                raise Bogus("ds_missing", told) from None
            except OptedOut:
                pass
            raise _Insecure(f"{shown(apex)} is not signed")

        return self._ask(parent, apex, _DS, judge)

    def _judge(
        self,
        message: dns.message.Message,
        keys: Keys,
        name: dns.name.Name,
        kind: dns.rdatatype.RdataType,
    ) -> dns.name.Name | tuple[str, ...]:
        """Return the values, or the name that this is another name for."""
        found = rrset_of(message.answer, name, kind)
        if found is not None:
            self._check(message, found, keys)
            return values(found)
        alias = rrset_of(message.answer, name, _CNAME)
        if alias is not None:
            return self._target(message, alias, keys)
        try:
            denial = self._denial(message, keys)
            if message.rcode() == dns.rcode.NXDOMAIN:
                denial.no_name(name)
            else:
                denial.no_type(name, kind)
        except Unproved:
            told = f"{shown(keys.zone)} does not prove that {shown(name)} has no {dns.rdatatype.to_text(kind)}"
            raise Bogus("denial_missing", told) from None
        except OptedOut:
            raise _Insecure(f"{shown(keys.zone)} leaves {shown(name)} unsigned") from None
        return ()

    def _target(
        self, message: dns.message.Message, alias: dns.rrset.RRset, keys: Keys
    ) -> dns.name.Name:
        for one in message.answer:
            if (
                one.rdtype == _DNAME
                and alias.name.is_subdomain(one.name)
                and alias.name != one.name
            ):
                self._check(message, one, keys)
                (rdata,) = one
                if isinstance(rdata, DNAME):
                    below = alias.name.relativize(one.name)
                    return below.concatenate(rdata.target).canonicalize()
        self._check(message, alias, keys)
        target: dns.name.Name = alias[0].target
        return target.canonicalize()

    def _check(self, message: dns.message.Message, rrset: dns.rrset.RRset, keys: Keys) -> None:
        """Check a record set of the answer; a wildcard's too, which needs proof that it applies."""
        labels = chain_links.check(message.answer, rrset, keys, self._now)
        own = len(rrset.name.labels) - 1
        if labels >= own or rrset.name.is_wild():
            return
        next_closer = dns.name.Name(rrset.name.labels[own - labels - 1 :])
        try:
            self._denial(message, keys).applies_wildcard(next_closer)
        except Unproved:
            told = f"{shown(keys.zone)} answers by a wildcard and does not prove that {shown(next_closer)} is not there"
            raise Bogus("denial_missing", told) from None
        except OptedOut:
            raise _Insecure(f"{shown(keys.zone)} leaves {shown(rrset.name)} unsigned") from None

    def _denial(self, message: dns.message.Message, keys: Keys) -> ProvedAbsence:
        """Return what the NSEC or NSEC3 records of a message prove; raises `Bogus` for a bad one."""
        found = [one for one in message.authority if one.rdtype in {_NSEC, _NSEC3}][:_MAX_ALIASES]
        for one in found:
            labels = chain_links.check(message.authority, one, keys, self._now)
            if labels < len(one.name.labels) - 1 - one.name.is_wild():
                raise Bogus(
                    "invalid", f"a wildcard answers for the NSEC record of {shown(one.name)}"
                )
        return ProvedAbsence(keys.zone, found)

    def _ask(
        self,
        zone: Zone,
        name: dns.name.Name,
        kind: dns.rdatatype.RdataType,
        judge: Callable[[dns.message.Message], T],
    ) -> T:
        """Ask the zone's servers in turn, until what one says is good; one that is silent is no fault."""
        apex, candidates = zone
        rdtype = dns.rdatatype.to_text(kind)
        failure: Bogus | Unanswered = Unanswered(
            AnswerKind.TIMEOUT, f"{shown(apex)} has no name servers"
        )
        for candidate in candidates:
            try:
                message = self._servers.signed(candidate, name, rdtype, apex, self._budget)
                _check_usable(message, name)
                return judge(message)
            except Bogus as error:
                failure = error
            except Unanswered as error:
                failure = failure if isinstance(failure, Bogus) else error
        raise failure


def _check_usable(message: dns.message.Message, name: dns.name.Name) -> None:
    rcode = message.rcode()
    if rcode not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        raise Unanswered(AnswerKind.SERVFAIL, f"a server answers {dns.rcode.to_text(rcode)}")
    if not message.flags & dns.flags.AA:
        raise Unanswered(
            AnswerKind.REFUSED, f"a server of {shown(name)} is not authoritative (lame)"
        )
