"""Checks of the zone: registered, delegated, answering, signed."""

from collections.abc import Iterator, Mapping, Sequence

from nameplate.core.diagnosis.finding import Certainty, DiagnosisFinding, Weight
from nameplate.core.diagnosis.observed import Observed, Said, shown
from nameplate.core.names import is_within
from nameplate.core.turns import Turn

NOT_ASKED = "is not asked"
"""How the answer of a server begins that may not be asked."""
_SIGNATURES: Mapping[str, str] = {
    "ds_mismatch": "none of its keys is the one that the DS record names",
    "expired": "its signatures have expired",
    "not_yet_valid": "its signatures are not valid yet",
    "unsigned": "its records have no signature",
    "invalid": "its signatures do not match its records",
}


def registered(seen: Observed) -> Iterator[DiagnosisFinding]:
    """Say why the registry keeps the name out of the DNS, or that there is no zone for it at all."""
    if seen.registration is not None:
        told = seen.registration
        yield DiagnosisFinding(told.reason, told.message, told.fix)
    elif not is_within(seen.zone, seen.registrable):
        yield DiagnosisFinding(
            "name_not_registered",
            f"No zone was found for {seen.registrable}. The domain is not registered, its registration "
            "has ended, or the registry gives out no name servers for it.",
            f"Check at the registrar that {seen.registrable} is registered and has name servers.",
        )


def visible(seen: Observed) -> Iterator[DiagnosisFinding]:
    """Say of a name that nobody claimed here that the records of its zone were not looked at."""
    if seen.is_hidden and seen.expected is None:
        yield DiagnosisFinding(
            "zone_private",
            f"{seen.zone} is a private zone of the platform. What it holds is shown to whoever has "
            "proved the name, so its records were not looked at.",
            "Claim the name and prove it, or ask the operator of the platform.",
            weight=Weight.NOTE,
        )


def answering(seen: Observed) -> Iterator[DiagnosisFinding]:
    """Say which listed name servers do not answer for the zone."""
    if not is_within(seen.zone, seen.registrable) or not seen.listed:
        return
    bad = [one for one in seen.listed if one.kind != "data"]
    lame = [one for one in bad if one.kind != "timeout"]
    if len(bad) == len(seen.listed):
        yield _unserved(seen, [one for one in bad if one.detail.startswith(NOT_ASKED)])
    elif lame:
        yield DiagnosisFinding(
            "delegation_lame",
            f"These servers are listed as name servers of {seen.zone} but do not serve it: {_named(lame)}. "
            "Some lookups fail.",
            f"Remove {_named(lame)} from the name servers at {_above(seen)}, or have the zone served there.",
            weight=Weight.RISK,
            evidence=shown("NS", seen.listed),
        )
    elif bad:
        yield DiagnosisFinding(
            "server_silent",
            f"These name servers of {seen.zone} did not answer: {_named(bad)}.",
            "Wait, or ask your DNS host whether the servers work.",
            weight=Weight.RISK,
            confidence=Certainty.LIKELY,
            turn=Turn.PROVIDER,
            evidence=shown("NS", seen.listed),
        )


def _unserved(seen: Observed, inside: Sequence[Said]) -> DiagnosisFinding:
    if inside:
        return DiagnosisFinding(
            "name_server_private",
            f"The name servers of {seen.zone} have addresses that are not on the public Internet: "
            f"{_named(inside)}.",
            f"Set name servers with public addresses at {_above(seen)}.",
            evidence=shown("NS", seen.listed),
        )
    return DiagnosisFinding(
        "zone_not_served",
        f"None of the name servers of {seen.zone} answers for it.",
        f"Create the zone {seen.zone} at your DNS host, or set the name servers of the host that has it at "
        f"{_above(seen)}.",
        evidence=shown("NS", seen.listed),
    )


def consistent(seen: Observed) -> Iterator[DiagnosisFinding]:
    """Say that the registrar and the zone name different servers."""
    child = sorted({value.removesuffix(".") for one in seen.listed for value in one.values})
    if not seen.parent or not child or set(child) == set(seen.parent):
        return
    yield DiagnosisFinding(
        "delegation_differs",
        f"The name servers of {seen.zone} at {_above(seen)} are {', '.join(seen.parent)}, but the zone itself "
        f"names {', '.join(child)}. The zone may be moving between DNS hosts.",
        f"Set the same name servers at {_above(seen)} and in the NS records of the zone. Until then, "
        "enter every record at both DNS hosts.",
        weight=Weight.RISK,
        evidence=shown("NS", seen.listed),
    )


def signed(seen: Observed) -> Iterator[DiagnosisFinding]:
    """Say what is wrong with the zone's signatures (DNSSEC)."""
    signing = seen.signing
    if signing is None:
        return
    if signing.has_ds and not signing.has_keys:
        yield DiagnosisFinding(
            "dnssec_without_keys",
            f"There is a DS record for {seen.zone} at {_above(seen)}, but the zone is not signed. Resolvers "
            "that validate DNSSEC reject every answer, and so does the certificate authority.",
            f"Remove the DS record at {_above(seen)}, or turn DNSSEC on at your DNS host and enter its DS "
            f"record at {_above(seen)}.",
            evidence=signing.evidence,
        )
    elif signing.fault:
        yield DiagnosisFinding(
            "dnssec_bogus",
            f"DNSSEC of {seen.zone} is broken: {_SIGNATURES.get(signing.fault, signing.fault)}. Resolvers "
            "that validate DNSSEC reject its answers, and so does the certificate authority.",
            "Have your DNS host sign the zone again and enter the DS record that it shows at "
            f"{_above(seen)}. To turn DNSSEC off, remove the DS record first.",
            evidence=signing.evidence,
        )
    elif signing.has_keys and not signing.has_ds:
        yield DiagnosisFinding(
            "dnssec_unused",
            f"{seen.zone} is signed, but there is no DS record at {_above(seen)}. DNSSEC has no effect.",
            weight=Weight.NOTE,
            turn=None,
            evidence=signing.evidence,
        )


def wild(seen: Observed) -> Iterator[DiagnosisFinding]:
    """Say that any label has an address."""
    if seen.is_wild:
        yield DiagnosisFinding(
            "wildcard_dns",
            f"{seen.zone} has a wildcard record: names without a record of their own have an address too.",
            weight=Weight.NOTE,
            turn=None,
        )


def _above(seen: Observed) -> str:
    """Return where the delegation of the zone is set."""
    return "the registrar" if seen.zone == seen.registrable else "the zone above it"


def _named(servers: Sequence[Said]) -> str:
    return ", ".join(dict.fromkeys(one.name for one in servers))
