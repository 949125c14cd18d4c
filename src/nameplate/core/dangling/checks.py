"""What was seen of a name, judged: which records dangle, and of which causes that is settled.

A cause is settled when the answers tell whether it is there. Silence tells nothing: it neither finds
a dangling record nor ends one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from nameplate.core.dangling import services
from nameplate.core.dangling.found import Dangling, Severity
from nameplate.core.dangling.services import TakeableService
from nameplate.core.diagnosis import zones
from nameplate.core.diagnosis.finding import DiagnosisFinding, RecordFix, add, remove
from nameplate.core.diagnosis.observed import DnsLook, Observed, Said, shown

TAKEN, MISSING, LEFT = "dangling_cname", "cname_target_missing", "address_left"
WILD, SERVER = "wildcard_open", "name_server_unregistered"
_OF_ZONE = frozenset({"delegation_lame", "zone_not_served", "name_not_registered"})
DELEGATED = _OF_ZONE | {SERVER}
_SEVERITY = {"delegation_lame": Severity.MEDIUM}
_FAMILIES = {4: "A", 6: "AAAA"}


@dataclass(frozen=True, slots=True)
class Judged:
    """What dangles at one name, and which causes the answers tell about."""

    found: tuple[Dangling, ...] = ()
    settled: frozenset[str] = frozenset()

    def __add__(self, other: "Judged") -> "Judged":
        """Return both together."""
        return Judged(self.found + other.found, self.settled | other.settled)


@dataclass(frozen=True, slots=True)
class NameSeen:
    """The answers about one name."""

    name: str
    alias: DnsLook
    """CNAME at the name."""
    hosts: tuple[DnsLook, ...] = ()
    """A and AAAA, at the end of the chain of aliases."""
    chain: tuple[str, ...] = ()
    """Where the name leads by CNAME, hop by hop, without final dots."""
    base: DnsLook | None = None
    """SOA of the registrable domain of the last target, where the target does not exist."""
    probes: tuple[DnsLook, ...] = ()
    """A and CNAME of a label below the name that nobody published; empty: not asked."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address that some server has."""
        return tuple(dict.fromkeys(value for look in self.hosts for value in look.values))

    @property
    def is_missing(self) -> bool:
        """Whether the target of the alias does not exist, as far as anybody says."""
        said = [one.kind for look in self.hosts for one in look.answered]
        return bool(self.chain and said) and set(said) == {"nxdomain"}

    @property
    def service(self) -> TakeableService | None:
        """The known service that the name leads to."""
        return services.of([*self.chain, *self.addresses])

    @property
    def is_page_wanted(self) -> bool:
        """Whether the page tells if somebody else can take the name at the service."""
        return self.service is not None and bool(self.service.texts) and bool(self.addresses)


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of the servers that an organization uses, now and before."""

    current: frozenset[str] = frozenset()
    former: frozenset[str] = frozenset()

    @property
    def left(self) -> frozenset[str]:
        """Those that none of the servers has any more."""
        return self.former - self.current


@dataclass(frozen=True, slots=True)
class ZoneSeen:
    """The delegation of a name."""

    observed: Observed
    unregistered: Mapping[str, str] = field(default_factory=dict)
    """Name server -> its registrable domain, which does not exist."""


def aliased(seen: NameSeen, page: str | None) -> Judged:
    """Find a name that leads to a service where its place is free, or to what does not exist.

    `page` is what the name shows; None where it was not asked, or nothing came.
    """
    if not seen.alias.answered or not any(look.answered for look in seen.hosts):
        return Judged()
    service = seen.service
    if seen.is_missing:
        if service is not None and not service.texts:
            return Judged((_taken(seen, service, ()),), frozenset({TAKEN, MISSING}))
        return Judged((_missing(seen),), frozenset({TAKEN, MISSING}))
    if service is None or not seen.is_page_wanted:
        return Judged(settled=frozenset({TAKEN, MISSING}))
    if page is None:
        return Judged(settled=frozenset({MISSING}))
    found: tuple[Dangling, ...] = ()
    if service.disowns(page):
        said = (f"http://{seen.name}/ shows the page of {service.name} for a free name.",)
        found = (_taken(seen, service, said),)
    return Judged(found, frozenset({TAKEN, MISSING}))


def left_behind(seen: NameSeen, servers: Addresses) -> Judged:
    """Find addresses that our servers gave up: whoever has them now answers for the name."""
    found = tuple(
        _left(seen, look, value, servers)
        for look in seen.hosts
        for value in look.values
        if value in servers.left
    )
    told = all(look.answered for look in seen.hosts)
    return Judged(found, frozenset({LEFT}) if told else frozenset())


def wild(seen: NameSeen) -> Judged:
    """Find a wildcard that nobody asked for: any label below the name is answered."""
    if not seen.probes:  # nobody asks where a wildcard is wanted
        return Judged(settled=frozenset({WILD}))
    if not any(look.answered for look in seen.probes):
        return Judged()
    fixes = tuple(
        remove(look.type, f"*.{seen.name}", value) for look in seen.probes for value in look.values
    )
    found = (_wild(seen, fixes),) if fixes else ()
    return Judged(found, frozenset({WILD}))


def delegated(seen: ZoneSeen) -> Judged:
    """Find a delegation to name servers that do not serve the zone, or that anybody can set up."""
    observed = seen.observed
    if not observed.zone or (observed.listed and not _tells(observed.listed)):
        return Judged()
    findings = [*zones.registered(observed), *zones.answering(observed)]
    found = [_of_zone(observed, one) for one in findings if one.check in _OF_ZONE]
    found += [_server(observed, *one) for one in sorted(seen.unregistered.items())]
    return Judged(tuple(found), DELEGATED)


def _tells(listed: Sequence[Said]) -> bool:
    """Tell whether a name server said anything of the zone; not being asked by us is our own doing."""
    return any(
        one.kind != "timeout" and not one.detail.startswith(zones.NOT_ASKED) for one in listed
    )


def _taken(seen: NameSeen, service: TakeableService, evidence: tuple[str, ...]) -> Dangling:
    target = seen.chain[-1] if seen.chain else seen.addresses[0]
    may = "can" if service.is_certain else "may be able to"
    return Dangling(
        "dangling_cname",
        seen.name,
        target,
        Severity.HIGH if service.is_certain else Severity.MEDIUM,
        f"{seen.name} leads to {target} at {service.name}, where it is not set up. Whoever adds the name "
        f"there {may} answer for it, and get certificates for it.",
        f"Remove the record, or set {seen.name} up again at {service.name}.",
        (*_evidence(seen), *evidence),
        _removed(seen),
    )


def _missing(seen: NameSeen) -> Dangling:
    target = seen.chain[-1]
    free = seen.base is not None and _all_gone(seen.base)
    told = f"{seen.name} is an alias of {target}, which does not exist."
    if free and seen.base is not None:
        told += (
            f" {seen.base.name} is not registered: whoever registers it answers for {seen.name}."
        )
    return Dangling(
        "cname_target_missing",
        seen.name,
        target,
        Severity.HIGH if free else Severity.MEDIUM,
        told,
        "Remove the record, or let it lead to a name that exists.",
        (*_evidence(seen), *(seen.base.evidence if seen.base is not None else ())),
        _removed(seen),
    )


def _left(seen: NameSeen, look: DnsLook, address: str, servers: Addresses) -> Dangling:
    owner = seen.chain[-1] if seen.chain else seen.name
    rdtype = _FAMILIES[ip_address(address).version]
    same = [one for one in servers.current if _FAMILIES[ip_address(one).version] == rdtype]
    instead = (add(rdtype, owner, same[0]),) if len(same) == 1 else ()
    return Dangling(
        "address_left",
        seen.name,
        address,
        Severity.HIGH,
        f"{owner} has the address {address}, which none of your servers has any more. Whoever has it "
        "now answers for the name.",
        "Remove the record, or replace it by the address of a server that is in use.",
        look.evidence,
        (remove(rdtype, owner, address), *instead),
    )


def _wild(seen: NameSeen, fixes: tuple[RecordFix, ...]) -> Dangling:
    return Dangling(
        "wildcard_open",
        seen.name,
        f"*.{seen.name}",
        Severity.LOW,
        f"Any label below {seen.name} is answered: a wildcard record stands for names without one of their own.",
        "Remove the wildcard record and add a record for each name in use. If it is meant to be there, "
        f"add the domain *.{seen.name} or the record to Nameplate.",
        tuple(line for look in seen.probes if look.values for line in look.evidence),
        fixes,
    )


def _of_zone(observed: Observed, finding: DiagnosisFinding) -> Dangling:
    lame = [one.name for one in observed.listed if one.kind != "data"]
    subject = ", ".join(dict.fromkeys(lame)) if finding.check == "delegation_lame" else ""
    return Dangling(
        finding.check,
        observed.name,
        subject or observed.zone,
        _SEVERITY.get(finding.check, Severity.HIGH),
        finding.message,
        finding.fix,
        finding.evidence or shown("SOA", observed.listed),
        tuple(remove("NS", observed.zone, f"{server}.") for server in lame if server)
        if finding.check == "delegation_lame"
        else (),
    )


def _server(observed: Observed, server: str, base: str) -> Dangling:
    return Dangling(
        "name_server_unregistered",
        observed.name,
        server,
        Severity.HIGH,
        f"{server} is listed as a name server of {observed.zone}, but {base} is not registered. "
        f"Whoever registers it can answer for everything in {observed.zone}.",
        f"Remove {server} from the name servers at the registrar or in the zone above.",
        (f"{base}: does not exist", *shown("NS", observed.listed)),
        (remove("NS", observed.zone, f"{server}."),),
    )


def _removed(seen: NameSeen) -> tuple[RecordFix, ...]:
    if seen.chain:
        return (remove("CNAME", seen.name, f"{seen.chain[0]}."),)
    return tuple(
        remove(look.type, seen.name, value) for look in seen.hosts for value in look.values
    )


def _evidence(seen: NameSeen) -> tuple[str, ...]:
    hops: Iterable[str] = (f"{one} (alias)" for one in seen.chain[1:])
    return (*seen.alias.evidence, *hops, *(line for look in seen.hosts for line in look.evidence))


def _all_gone(look: DnsLook) -> bool:
    said = {one.kind for one in look.answered}
    return said == {"nxdomain"}
