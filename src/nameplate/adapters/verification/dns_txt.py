"""Proof by a TXT record below the name: control of the name and everything under it."""

import hmac

from nameplate.core.instructions import Instruction, dns_record
from nameplate.core.names import relative
from nameplate.core.tokens import TXT_LABEL, TXT_PREFIX
from nameplate.ports.resolver import (
    Answer,
    AnswerKind,
    DnsQuestion,
    Inquiry,
    LookupResult,
    Resolver,
    carry_out,
)
from nameplate.ports.verification import Proof, ProofMethodPlugin, ProofScope, Verdict

_ANSWERED = frozenset({AnswerKind.DATA, AnswerKind.NODATA, AnswerKind.NXDOMAIN})
_SHOWN_VALUES = 3
_SHOWN_CHARACTERS = 120


class DnsTxt:
    """Asks every authoritative server. All that answer must agree, and at least two of several.

    Any record of the set may be the right one: old tokens and other uses may stand beside it.
    """

    scope = ProofScope.SUBTREE

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    def instruct(self, name: str, token: str) -> Instruction:
        """Return the TXT record to publish. Pure."""
        return dns_record("TXT", f"{TXT_LABEL}.{name}", f"{TXT_PREFIX}{token}")

    def check(self, name: str, token: str) -> Proof:
        """Ask every server once. When nothing matches, look where people put it by mistake."""
        return carry_out(self.inquire(name, token), self._resolver)

    def inquire(self, name: str, token: str) -> Inquiry[Proof]:
        """Say what `check` asks."""
        record, expected = f"{TXT_LABEL}.{name}", f"{TXT_PREFIX}{token}"
        (finding,) = yield [DnsQuestion(record, "TXT")]
        proof = _judge(record, expected, finding)
        if proof.verdict not in {Verdict.ABSENT, Verdict.MISMATCH}:
            return proof
        zone = finding.zone
        places = [f"{record}.{zone}"] if zone else []
        places += [one for one in dict.fromkeys((name, zone)) if one]
        found = yield [DnsQuestion(place, "TXT") for place in places]
        for place, said in zip(places, found, strict=True):
            if any(_matches(one, expected) for one in said.answers):
                return _misplaced(place, record, zone, proof)
        return proof


def _misplaced(place: str, record: str, zone: str, proof: Proof) -> Proof:
    if place == f"{record}.{zone}":
        return Proof(
            proof.verdict,
            "txt_at_doubled_name",
            f"The record was created as {place}, because your DNS provider appends "
            f"{zone} automatically. Enter the name there as {relative(record, zone)}.",
            proof.observed,
        )
    return Proof(
        proof.verdict,
        "txt_at_wrong_name",
        f"The value was found at {place}, but it must be at {record}.",
        proof.observed,
    )


def _judge(record: str, expected: str, finding: LookupResult) -> Proof:
    answered = [answer for answer in finding.answers if answer.kind in _ANSWERED]
    matching = [answer for answer in answered if _matches(answer, expected)]
    observed = tuple(_shown(answer) for answer in finding.answers)
    if len(answered) < max(1, min(2, len(finding.answers))):
        return Proof(
            Verdict.INCONCLUSIVE,
            "servers_unreachable",
            f"Only {len(answered)} of {len(finding.answers)} name servers for {record} answered. "
            "Check that the name is registered and that its name servers work.",
            observed,
        )
    if len(matching) == len(answered):
        message = f"All {len(matching)} name servers that answered publish the record."
        return Proof(Verdict.MATCH, "txt_match", message, observed)
    if matching:
        missing = ", ".join(answer.server for answer in answered if answer not in matching)
        return Proof(
            Verdict.INCONCLUSIVE,
            "servers_disagree",
            f"{len(matching)} of {len(answered)} name servers publish the record. Still "
            f"missing: {missing}. New records take some time to reach every server.",
            observed,
        )
    if any(answer.kind is AnswerKind.DATA for answer in answered):
        return Proof(
            Verdict.MISMATCH,
            "txt_mismatch",
            f"There is a TXT record at {record}, but not with the expected value. Compare "
            "it character by character: no quotes, no spaces, nothing missing.",
            observed,
        )
    return Proof(Verdict.ABSENT, "txt_absent", f"There is no TXT record at {record} yet.", observed)


def _matches(answer: Answer, expected: str) -> bool:
    # Every value is compared, in constant time, so that the time tells nothing about the token.
    wanted = expected.encode()
    found = [hmac.compare_digest(value.encode(), wanted) for value in answer.values]
    return answer.kind is AnswerKind.DATA and any(found)


def _shown(answer: Answer) -> str:
    server = answer.server or "no server"
    if answer.kind is not AnswerKind.DATA:
        return f"{server}: {answer.detail or answer.kind}"
    values = [ascii(value[:_SHOWN_CHARACTERS]) for value in answer.values[:_SHOWN_VALUES]]
    more = len(answer.values) - len(values)
    return f"{server}: TXT {', '.join(values)}" + (f" and {more} more" if more else "")


plugin = ProofMethodPlugin(
    title="TXT record", connect=lambda _config, outside: DnsTxt(outside.resolver)
)
