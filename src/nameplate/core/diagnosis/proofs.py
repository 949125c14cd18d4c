"""Checks of a proof in DNS: where it is, what it says, and who sees it."""

from collections.abc import Iterator
from dataclasses import replace

from nameplate.core.diagnosis import values
from nameplate.core.diagnosis.finding import Certainty, DiagnosisFinding, Weight, add, remove
from nameplate.core.diagnosis.observed import DnsLook, Expected, Observed, Said, shown
from nameplate.core.diagnosis.places import is_doubled
from nameplate.core.names import is_within, relative
from nameplate.core.turns import Turn


def published(seen: Observed) -> Iterator[DiagnosisFinding]:
    """Say why the authoritative servers do not answer with the proof: the first cause that fits.

    A name that is proved stays so for a while without its proof.
    """
    for found in _published(seen):
        yield replace(found, weight=Weight.RISK) if seen.is_proved else found


def _published(seen: Observed) -> Iterator[DiagnosisFinding]:
    expected, look = seen.expected, seen.proof
    if expected is None or look is None or not is_within(seen.zone, seen.registrable):
        return
    matching = [one for one in look.answered if _matches(expected, one)]
    if matching and len(matching) == len(look.answered):
        return
    if matching:
        yield _disagree(seen, expected, look, matching)
    elif any(_matches(expected, one) for one in seen.public):
        yield _split(seen, expected)
    elif look.answered or not look.answers:
        for cause in (_wildcard, _alias, _several, _value, _misplaced, _absent):
            found = cause(seen, expected, look)
            if found is not None:
                yield found
                return
    elif any(one.kind == "data" for one in seen.listed):
        yield DiagnosisFinding(
            "proof_not_answered",
            f"No name server of {seen.zone} answers the question for {expected.name}.",
            "Ask your DNS host why its servers fail for this name.",
            turn=Turn.PROVIDER,
            evidence=look.evidence,
        )


def cached(seen: Observed) -> Iterator[DiagnosisFinding]:
    """Say which public resolvers have an old answer still, or none that can be used."""
    expected, look = seen.expected, seen.proof
    if expected is None or look is None or not look.answered:
        return
    if not all(_matches(expected, one) for one in look.answered):
        return
    late = [one for one in seen.public if one.is_answer and not _matches(expected, one)]
    failing = [one for one in seen.public if one.kind == "servfail"]
    if failing and not (seen.signing and seen.signing.fault):
        yield DiagnosisFinding(
            "resolvers_fail",
            "The name servers publish the record, but some public resolvers cannot look it up: "
            f"{', '.join(one.server for one in failing)}.",
            "Check that all name servers of the zone can be reached from everywhere, and that DNSSEC is "
            "set up correctly or turned off.",
            weight=Weight.RISK,
            confidence=Certainty.LIKELY,
            evidence=shown(expected.type, seen.public),
        )
    if late:
        longest = max(one.ttl for one in late)
        yield DiagnosisFinding(
            "answer_cached",
            "The record is published. Some public resolvers keep an older answer for up to "
            f"{longest} seconds: {', '.join(one.server for one in late)}. Nameplate does not wait for "
            "them.",
            "Wait. Nothing must be done.",
            weight=Weight.NOTE,
            turn=Turn.NAMEPLATE,
            evidence=shown(expected.type, seen.public),
            wait=longest,
        )


def _matches(expected: Expected, said: Said) -> bool:
    return any(expected.matches(value) for value in said.values)


def _add(expected: Expected) -> tuple[str, str, str]:
    return expected.type, expected.name, expected.value


def _disagree(
    seen: Observed, expected: Expected, look: DnsLook, matching: list[Said]
) -> DiagnosisFinding:
    """Tell servers that are behind from two sets of servers that are listed."""
    others = [one for one in look.answered if one not in matching]
    named = ", ".join(dict.fromkeys(one.name for one in others))
    sides = {one.name for one in matching}, {one.name for one in others}
    if any(side <= seen.alone for side in sides) and seen.alone:
        return DiagnosisFinding(
            "delegation_changed",
            f"Only some name servers have the record. Missing: {named}. The registrar and the zone name "
            "different servers: the domain seems to be moving from one DNS host to another.",
            f"Enter the record at the DNS host of {named} too, or set the same name servers at the "
            "registrar and in the zone.",
            evidence=look.evidence,
            records=(add(*_add(expected)),),
        )
    return DiagnosisFinding(
        "servers_disagree",
        f"{len(matching)} of {len(look.answered)} name servers have the record. Missing: {named}. "
        "A new record takes some minutes to reach every server.",
        "Wait some minutes. If it stays so, ask your DNS host why these servers are not in step, or "
        "enter the record there too.",
        turn=Turn.PROVIDER,
        evidence=look.evidence,
    )


def _split(seen: Observed, expected: Expected) -> DiagnosisFinding:
    having = ", ".join(one.server for one in seen.public if _matches(expected, one))
    return DiagnosisFinding(
        "answers_split",
        f"Public resolvers ({having}) see the record, but the name servers of {seen.zone} do not have it. "
        "It was removed, it is at name servers that the registrar does not list any more, or the servers "
        "answer differently from network to network.",
        "Enter the record at the DNS host that the registrar lists, and make it visible from every network.",
        confidence=Certainty.LIKELY,
        evidence=(*(seen.proof.evidence if seen.proof else ()), *shown(expected.type, seen.public)),
        records=(add(*_add(expected)),),
    )


def _wildcard(seen: Observed, expected: Expected, look: DnsLook) -> DiagnosisFinding | None:
    """Find an answer that is the same at a label that nobody published."""
    alias = seen.proof_alias.values if seen.proof_alias else ()
    probes = [(look, seen.probe), (seen.proof_alias, seen.probe_alias)]
    same = [
        (one, probe)
        for one, probe in probes
        if one is not None and probe is not None and one.values and one.values == probe.values
    ]
    if not same or (alias and seen.probe_alias is not None and alias != seen.probe_alias.values):
        return None
    one = same[0][0]
    return DiagnosisFinding(
        "wildcard_answers",
        f"The record at {expected.name} does not exist yet. A wildcard record answers in its place: "
        f"{one.type} {one.values[0][:80].removesuffix('.')}.",
        f"Add the {expected.type} record at {expected.name}. The wildcard can stay: an exact record wins.",
        evidence=one.evidence,
        records=(add(*_add(expected)),),
    )


def _alias(seen: Observed, expected: Expected, _look: DnsLook) -> DiagnosisFinding | None:
    """Find a CNAME where the proof should stand: nothing else can stand beside it."""
    alias = seen.proof_alias
    if expected.type == "CNAME" or alias is None or not alias.values:
        return None
    target = alias.values[0].removesuffix(".")
    return DiagnosisFinding(
        "proof_is_alias",
        f"{expected.name} is a CNAME to {target}. No other record can exist beside a CNAME, so the "
        f"{expected.type} record is not visible.",
        f"Remove the CNAME record at {expected.name}, then add the {expected.type} record.",
        evidence=alias.evidence,
        records=(remove("CNAME", expected.name, target), add(*_add(expected))),
    )


def _several(_seen: Observed, expected: Expected, look: DnsLook) -> DiagnosisFinding | None:
    """Find several values of a type of which there can be one."""
    if expected.type != "CNAME" or len(look.values) < 2:  # noqa: PLR2004  # more than one
        return None
    return DiagnosisFinding(
        "proof_several_values",
        f"{expected.name} has {len(look.values)} CNAME values. A name can have only one.",
        f"Remove the others and keep {expected.value}.",
        evidence=look.evidence,
        records=tuple(
            remove("CNAME", expected.name, value.removesuffix("."))
            for value in look.values
            if not expected.matches(value)
        ),
    )


def _value(_seen: Observed, expected: Expected, look: DnsLook) -> DiagnosisFinding | None:
    """Say how a value that is there differs from the expected one."""
    judged = values.closest(expected, look.values)
    if judged is None:
        return None
    found, kind = judged
    message, fix = values.told(expected, kind)
    wrong = () if kind == "value_of_another" else (remove(expected.type, expected.name, found),)
    return DiagnosisFinding(
        kind,
        message,
        fix,
        evidence=look.evidence,
        records=(*wrong, add(*_add(expected))),
    )


def _misplaced(seen: Observed, expected: Expected, look: DnsLook) -> DiagnosisFinding | None:
    """Find the right value at a wrong name."""
    for place in seen.places:
        found = next((one for one in place.answers if _matches(expected, one)), None)
        if found is None:
            continue
        if seen.probe is not None and place.values == seen.probe.values:
            continue  # a wildcard answers everywhere
        records = (remove(expected.type, place.name, expected.value), add(*_add(expected)))
        if is_doubled(place.name, expected.name):
            appended = place.name.removeprefix(f"{expected.name}.")
            return DiagnosisFinding(
                "name_doubled",
                f"The record was created as {place.name}: your DNS host appends {appended} to the name by "
                "itself.",
                f"Enter the name {relative(expected.name, appended)} instead of the full name.",
                evidence=place.evidence,
                records=records,
            )
        return DiagnosisFinding(
            "name_wrong",
            f"The value was found at {place.name}, but it must be at {expected.name}.",
            f"Move the record to {expected.name}. In the zone {seen.zone} its name is "
            f"{relative(expected.name, seen.zone)}.",
            evidence=(*place.evidence, *look.evidence),
            records=records,
        )
    return None


def _absent(seen: Observed, expected: Expected, look: DnsLook) -> DiagnosisFinding:
    remembered = (
        f" Resolvers remember that it is missing for up to {seen.negative_ttl} seconds; Nameplate does not."
        if seen.negative_ttl
        else ""
    )
    if seen.zone != seen.registrable:
        servers = ", ".join(dict.fromkeys(one.name for one in seen.listed if one.name))
        return DiagnosisFinding(
            "zone_cut",
            f"There is no {expected.type} record at {expected.name}. {seen.zone} is a zone of its own"
            f"{f', on {servers}' * bool(servers)}: a record in the zone of {seen.registrable} is not visible "
            f"there.{remembered}",
            f"Add the record in the zone {seen.zone}, with the name {relative(expected.name, seen.zone)}.",
            confidence=Certainty.LIKELY,
            evidence=look.evidence,
            records=(add(*_add(expected)),),
        )
    return DiagnosisFinding(
        "proof_absent",
        f"There is no {expected.type} record at {expected.name} yet.{remembered}",
        f'Publish a {expected.type} record at {expected.name} with the value "{expected.value}".',
        evidence=look.evidence,
        records=(add(*_add(expected)),),
    )
