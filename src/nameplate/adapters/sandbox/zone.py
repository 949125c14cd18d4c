"""One authoritative zone in memory: lookups (RFC 1034) and updates (RFC 2136)."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rdtypes.ANY.SOA
import dns.rrset
import dns.update
from dns.rdataclass import ANY, IN, NONE
from dns.rdatatype import CNAME, NS, SOA

from nameplate.core.rdata import presentation
from nameplate.core.records import RRset

Key = tuple[dns.name.Name, dns.rdatatype.RdataType]
Content = Mapping[Key, dns.rdataset.Rdataset]

_TTL = 60
_MAX_ALIASES = 8


@dataclass(slots=True)
class Found:
    """What the zone says to a question."""

    rcode: dns.rcode.Rcode = dns.rcode.NOERROR
    authoritative: bool = True
    answer: list[dns.rrset.RRset] = field(default_factory=list)
    authority: list[dns.rrset.RRset] = field(default_factory=list)
    additional: list[dns.rrset.RRset] = field(default_factory=list)


class SandboxZone:
    """The zone's content is replaced as a whole by each update, so readers need no lock."""

    def __init__(self, name: str, address: str) -> None:
        """Start with SOA, NS and the name server's own address."""
        self.origin = dns.name.from_text(name).canonicalize()
        self._write = threading.Lock()
        soa = f"ns1 hostmaster 1 3600 600 86400 {_TTL}"
        self._content: Content = {
            (self.origin, SOA): self._rdataset(SOA, soa),
            (self.origin, NS): self._rdataset(NS, "ns1"),
            (dns.name.from_text("ns1", self.origin), dns.rdatatype.A): self._rdataset(
                dns.rdatatype.A, address
            ),
        }

    def _rdataset(self, rdtype: dns.rdatatype.RdataType, text: str) -> dns.rdataset.Rdataset:
        rdata = dns.rdata.from_text(IN, rdtype, text, self.origin, relativize=False)
        return dns.rdataset.from_rdata(_TTL, rdata)

    def records(self) -> tuple[RRset, ...]:
        """Return every record set in canonical form, sorted."""
        return tuple(
            sorted(
                RRset(
                    name.to_text(omit_final_dot=True),
                    rdtype.name,
                    rdataset.ttl,
                    tuple(sorted(presentation(rdata, rdtype.name) for rdata in rdataset)),
                )
                for (name, rdtype), rdataset in self._content.items()
            )
        )

    def transfer(self) -> Iterator[dns.rrset.RRset]:
        """Yield every record set with the SOA first and last (RFC 5936 section 2.2)."""
        content = self._content
        soa = (self.origin, SOA)
        for key in (soa, *(key for key in content if key != soa), soa):
            yield _rrset(key[0], content[key])

    def find(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> Found:
        """Answer a question (RFC 1034 section 4.3.2), following aliases inside the zone."""
        found = Found()
        content = self._content
        for _ in range(_MAX_ALIASES):
            if self._referred(content, name, rdtype, found):
                return found
            owner = _owner(content, name, self.origin)
            if owner is None:
                found.rcode = dns.rcode.NXDOMAIN
                break
            found.answer += [
                _rrset(name, rdataset)
                for (key, kind), rdataset in content.items()
                if key == owner and (rdtype in {kind, dns.rdatatype.ANY})
            ]
            alias = content.get((owner, CNAME))
            if alias is None or rdtype in {CNAME, dns.rdatatype.ANY}:
                break
            found.answer.append(_rrset(name, alias))
            name = alias[0].target.canonicalize()
            if not name.is_subdomain(self.origin):
                return found
        if not any(rrset.rdtype == rdtype for rrset in found.answer):
            found.authority.append(_rrset(self.origin, content[self.origin, SOA]))
        return found

    def _referred(
        self,
        content: Content,
        name: dns.name.Name,
        rdtype: dns.rdatatype.RdataType,
        found: Found,
    ) -> bool:
        """Add a referral when the name lies below a delegation."""
        for cut, kind in content:
            below = cut != self.origin and name.is_subdomain(cut)
            if kind != NS or not below or (name == cut and rdtype == dns.rdatatype.DS):
                continue
            found.authoritative = bool(found.answer)
            found.authority.append(_rrset(cut, content[cut, NS]))
            for server in (rdata.target for rdata in content[cut, NS]):
                glue = content.get((server.canonicalize(), dns.rdatatype.A))
                found.additional += [_rrset(server, glue)] if glue else []
            return True
        return False

    def update(self, message: dns.update.UpdateMessage) -> dns.rcode.Rcode:
        """Check the prerequisites and apply the update, all of it or nothing (RFC 2136 section 3)."""
        sections = (*message.prerequisite, *message.update)
        if not all(rrset.name.is_subdomain(self.origin) for rrset in sections):
            return dns.rcode.NOTZONE
        with self._write:
            unmet = _unmet(self._content, message.prerequisite)
            if unmet is not None:
                return unmet
            content = dict(self._content)
            for rrset in message.update:
                self._change(content, rrset)
            if _state(content) != _state(self._content):
                self._bump(content)
                self._content = content
        return dns.rcode.NOERROR

    def _change(self, content: dict[Key, dns.rdataset.Rdataset], rrset: dns.rrset.RRset) -> None:
        key = (rrset.name.canonicalize(), rrset.rdtype)
        kept = {(self.origin, SOA), (self.origin, NS)}
        if rrset.deleting == ANY:
            every = rrset.rdtype == dns.rdatatype.ANY
            for other in list(content):
                if other not in kept and (other == key or (every and other[0] == key[0])):
                    del content[other]
        elif rrset.deleting == NONE:
            before = list(content.get(key, ()))
            remaining = [rdata for rdata in before if rdata != rrset[0]]
            if remaining and remaining != before:
                content[key] = dns.rdataset.from_rdata_list(content[key].ttl, remaining)
            elif before and not remaining and key not in kept:
                del content[key]
        else:
            _add(content, key, rrset)

    def _bump(self, content: dict[Key, dns.rdataset.Rdataset]) -> None:
        soa = content[self.origin, SOA][0]
        if not isinstance(soa, dns.rdtypes.ANY.SOA.SOA):
            raise TypeError("the apex has no SOA")
        bumped = soa.replace(serial=(soa.serial + 1) % 2**32)
        content[self.origin, SOA] = dns.rdataset.from_rdata(_TTL, bumped)


def _state(content: Content) -> dict[Key, tuple[int, dns.rdataset.Rdataset]]:
    """Return the content with its TTLs, which comparing record sets leaves out."""
    return {key: (rdataset.ttl, rdataset) for key, rdataset in content.items()}


def _rrset(name: dns.name.Name, rdataset: dns.rdataset.Rdataset) -> dns.rrset.RRset:
    return dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset))


def _exists(content: Content, name: dns.name.Name) -> bool:
    """Tell whether the name or anything below it has records (RFC 4592 section 2.2.2)."""
    return any(owner.is_subdomain(name) for owner, _ in content)


def _owner(content: Content, name: dns.name.Name, origin: dns.name.Name) -> dns.name.Name | None:
    """Return the name itself or the wildcard that answers for it (RFC 4592 section 3.3.1)."""
    if _exists(content, name):
        return name
    encloser = name.parent()
    while encloser != origin and not _exists(content, encloser):
        encloser = encloser.parent()
    wildcard = dns.name.from_text("*", encloser)
    return wildcard if _exists(content, wildcard) else None


def _unmet(content: Content, prerequisites: list[dns.rrset.RRset]) -> dns.rcode.Rcode | None:
    """Return the code of the first prerequisite that does not hold (RFC 2136 section 3.2.5)."""
    wanted: dict[Key, set[dns.rdata.Rdata]] = {}
    for rrset in prerequisites:
        key = (rrset.name.canonicalize(), rrset.rdtype)
        by_name = rrset.rdtype == dns.rdatatype.ANY
        present = any(owner == key[0] for owner, _ in content) if by_name else key in content
        if rrset.deleting == ANY and not present:
            return dns.rcode.NXDOMAIN if by_name else dns.rcode.NXRRSET
        if rrset.deleting == NONE and present:
            return dns.rcode.YXDOMAIN if by_name else dns.rcode.YXRRSET
        if rrset.deleting is None:
            wanted.setdefault(key, set()).update(rrset)
    differ = any(set(content.get(key, ())) != rdatas for key, rdatas in wanted.items())
    return dns.rcode.NXRRSET if differ else None


def _add(content: dict[Key, dns.rdataset.Rdataset], key: Key, rrset: dns.rrset.RRset) -> None:
    """Add one record; a CNAME beside other data is silently ignored (RFC 2136 section 3.4.2.2)."""
    name, rdtype = key
    others = {kind for owner, kind in content if owner == name} - {rdtype}
    if rdtype == SOA or (others and CNAME in {rdtype, *others}):
        return
    before = content.get(key)
    values = [] if before is None or rdtype == CNAME else list(before)
    content[key] = dns.rdataset.from_rdata_list(rrset.ttl, [*values, *rrset])
