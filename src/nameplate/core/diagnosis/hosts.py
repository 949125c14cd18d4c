"""Checks of the name's addresses: whether they lead to the server, and to nothing else."""

from collections.abc import Iterator, Sequence

from nameplate.core.diagnosis import networks
from nameplate.core.diagnosis.finding import DiagnosisFinding, RecordFix, Weight, add, remove
from nameplate.core.diagnosis.observed import DnsLook, Observed, Target
from nameplate.core.egress import EgressPolicy

_PUBLIC = EgressPolicy()
_Addresses = Sequence[tuple[str, str]]
"""Types and values."""


def reachable(seen: Observed) -> Iterator[DiagnosisFinding]:
    """Say which addresses nobody on the Internet can reach."""
    known = seen.target.addresses if seen.target else frozenset()
    private = {
        (look.type, value): why
        for look in _addresses(seen)
        for value in look.values
        if value not in known and (why := _PUBLIC.refusal(value)) is not None
    }
    if not private:
        return
    (rdtype, value), why = next(iter(private.items()))
    yield DiagnosisFinding(
        "address_private",
        f"{seen.name} has the address {value}, which is not on the public Internet: {why}.",
        f"Replace {value} with the public address of the server.",
        evidence=seen.host(rdtype).evidence,
        records=_removed(seen, tuple(private)),
    )


def leading(seen: Observed) -> Iterator[DiagnosisFinding]:
    """Say where the name leads instead of to its server: the first cause that fits."""
    aliases = seen.host("CNAME")
    if len(aliases.values) > 1:
        yield DiagnosisFinding(
            "host_several_aliases",
            f"The name servers answer with {len(aliases.values)} different CNAME values for {seen.name}. A name "
            "can have only one.",
            "Keep one of them at every name server and remove the others.",
            evidence=aliases.evidence,
        )
        return
    values = {value for look in _addresses(seen) for value in look.values}
    network = networks.of(values, aliases.values)
    target = seen.target
    ours = target.addresses if target else frozenset()
    leads = bool(target and aliases.values and aliases.values[0] == f"{target.name}.")
    if network is not None and not values & ours and not leads:
        yield _proxied(seen, network)
    elif target is not None and not leads:
        yield from _against(seen, target, values)
    elif target is None and not aliases.values and not values and _is_nobodys(seen):
        yield _without(seen, None)


def _is_nobodys(seen: Observed) -> bool:
    """Tell whether nothing is expected of a name, and servers have said that it has no address."""
    expects = seen.expected is not None or seen.page is not None or seen.is_proved
    return not expects and any(look.answered for look in _addresses(seen))


def _addresses(seen: Observed) -> tuple[DnsLook, ...]:
    return tuple(look for look in seen.hosts if look.type in {"A", "AAAA"})


def _proxied(seen: Observed, network: str) -> DiagnosisFinding:
    evidence = tuple(line for look in seen.hosts if look.values for line in look.evidence)
    if seen.is_proxied_here:
        return DiagnosisFinding(
            "proxied_as_wanted",
            f"{seen.name} leads to {network}, as its record at Nameplate says.",
            weight=Weight.NOTE,
            turn=None,
            evidence=evidence,
        )
    return DiagnosisFinding(
        "proxied",
        f"{seen.name} leads to {network}, not directly to a server. A proof on the web server, and "
        "certificates by HTTP, depend on what it forwards.",
        f"Turn the proxy of {network} off for this name, or prove the name and get its certificate by DNS "
        "records.",
        weight=Weight.RISK,
        evidence=evidence,
    )


def _against(seen: Observed, target: Target, values: set[str]) -> Iterator[DiagnosisFinding]:
    """Compare the addresses with those of the server."""
    if not values and any(look.answered for look in seen.hosts):
        yield _without(seen, target)
    foreign = tuple(
        (look.type, value)
        for look in _addresses(seen)
        for value in look.values
        if value not in target.addresses and _PUBLIC.refusal(value) is None
    )
    if not foreign or not target.addresses:
        return
    if not values & target.addresses:
        yield _elsewhere(seen, target, foreign)
    elif all(kind == "AAAA" for kind, _ in foreign):
        yield _stray(seen, foreign)
    else:
        yield _mixed(seen, foreign)


def _elsewhere(seen: Observed, target: Target, foreign: _Addresses) -> DiagnosisFinding:
    return DiagnosisFinding(
        "address_elsewhere",
        f"{seen.name} leads to {_listed(foreign)}, not to its server.",
        "Replace these records with the one that leads to the server.",
        evidence=tuple(line for look in _addresses(seen) for line in look.evidence),
        records=(*_removed(seen, foreign), *_leading(seen, target)),
    )


def _stray(seen: Observed, foreign: _Addresses) -> DiagnosisFinding:
    return DiagnosisFinding(
        "address_ipv6_stray",
        f"{seen.name} leads to its server over IPv4, but its AAAA record leads elsewhere: "
        f"{_listed(foreign)}. Browsers and the certificate authority prefer IPv6.",
        "Remove the AAAA record.",
        evidence=seen.host("AAAA").evidence,
        records=_removed(seen, foreign),
    )


def _mixed(seen: Observed, foreign: _Addresses) -> DiagnosisFinding:
    return DiagnosisFinding(
        "address_mixed",
        f"{seen.name} leads to its server and elsewhere too: {_listed(foreign)}. Some visitors, and the "
        "certificate authority at times, reach the wrong place.",
        "Remove the addresses that are not those of the server.",
        evidence=tuple(line for look in _addresses(seen) for line in look.evidence),
        records=_removed(seen, foreign),
    )


def _removed(seen: Observed, foreign: _Addresses) -> tuple[RecordFix, ...]:
    """Return the records to take out: at the end of an alias it is the alias."""
    alias = seen.host("CNAME").values
    if alias:
        return (remove("CNAME", seen.name, alias[0].removesuffix(".")),)
    return tuple(remove(kind, seen.name, value) for kind, value in foreign)


def _listed(foreign: _Addresses) -> str:
    return ", ".join(value for _, value in foreign)


def _without(seen: Observed, target: Target | None) -> DiagnosisFinding:
    """`target`: None where it is not known to which server the name should lead."""
    return DiagnosisFinding(
        "host_without_address",
        f"{seen.name} has no address, so its server cannot be reached.",
        "Add the record that leads to the server.",
        weight=Weight.NOTE if target is None else Weight.BLOCKS,
        evidence=seen.host("A").evidence,
        records=() if target is None else _leading(seen, target),
    )


def _leading(seen: Observed, target: Target) -> tuple[RecordFix, ...]:
    if target.name and seen.name != seen.zone:
        return (add("CNAME", seen.name, target.name),)
    kinds = (("AAAA" if ":" in value else "A", value) for value in sorted(target.addresses))
    return tuple(add(kind, seen.name, value) for kind, value in kinds)
