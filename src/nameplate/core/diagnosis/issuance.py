"""Checks of what keeps a certificate authority from issuing."""

from collections.abc import Iterator

from nameplate.core import caa
from nameplate.core.diagnosis.finding import DiagnosisFinding, add
from nameplate.core.diagnosis.observed import Observed, Said
from nameplate.core.records import RRset
from nameplate.core.turns import Turn


def allowed(seen: Observed) -> Iterator[DiagnosisFinding]:
    """Say that CAA excludes the authority, or that a server does not answer for CAA (RFC 8659)."""
    nearest = next((look for look in seen.caa if look.values), None)
    if nearest is not None:
        rrset = RRset(nearest.name, "CAA", 0, nearest.values)
        tag = caa.excluding(rrset, seen.authorities, wildcard=seen.is_wildcard)
        if tag is not None:
            issuer = min(seen.authorities)
            yield DiagnosisFinding(
                "caa_excludes",
                f"The CAA records at {nearest.name} do not let the certificate authority ({issuer}) issue "
                f"for {'*.' * seen.is_wildcard}{seen.name}.",
                "Add the CAA record, or remove the CAA records that exclude the authority.",
                evidence=nearest.evidence,
                records=(add("CAA", nearest.name, f'0 {tag} "{issuer}"'),),
            )
        return
    failing = next((look for look in seen.caa if _fails(look.answers)), None)
    if failing is not None and any(one.kind == "data" for one in seen.listed):
        yield DiagnosisFinding(
            "caa_not_answered",
            f"The name servers fail when they are asked for CAA records of {failing.name}. The certificate "
            "authority must not issue without an answer.",
            "Ask your DNS host to answer questions for CAA records.",
            turn=Turn.PROVIDER,
            evidence=failing.evidence,
        )


def _fails(answers: tuple[Said, ...]) -> bool:
    return bool(answers) and not any(one.is_answer for one in answers)
