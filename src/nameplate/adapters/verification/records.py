"""Proof by one DNS record: what to ask, and how to judge what every authoritative server said."""

import hmac
from collections.abc import Sequence

from nameplate.core.diagnosis import values
from nameplate.core.diagnosis.observed import Expected
from nameplate.core.instructions import Instruction, dns_record
from nameplate.core.names import relative
from nameplate.ports.resolver import (
    Answer,
    AnswerKind,
    DnsQuestion,
    Inquiry,
    LookupResult,
    Resolver,
    carry_out,
)
from nameplate.ports.verification import Proof, ProofRecord, ProofScope, Verdict

_ANSWERED = frozenset({AnswerKind.DATA, AnswerKind.NODATA, AnswerKind.NXDOMAIN})
_SHOWN_VALUES = 3
_SHOWN_CHARACTERS = 120


class RecordMethod:
    """A method whose proof is one record: `record` says which, the rest is the same for all.

    All authoritative servers that answer must agree, and at least two of several. Any record of the
    set may be the right one: old tokens and other uses may stand beside it.
    """

    scope = ProofScope.SUBTREE

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    def record(self, name: str, token: str) -> ProofRecord:
        """Return the record to publish, which is also what to ask for. Pure."""
        raise NotImplementedError

    def instruct(self, name: str, token: str) -> Instruction:
        """Return the record to publish. Pure."""
        wanted = self.record(name, token)
        return dns_record(wanted.rdtype, wanted.name, wanted.value)

    def check(self, name: str, token: str) -> Proof:
        """Ask every server once. When nothing matches, look where people put it by mistake."""
        return carry_out(self.inquire(name, token), self._resolver)

    def inquire(self, name: str, token: str) -> Inquiry[Proof]:
        """Say what `check` asks."""
        wanted = self.record(name, token)
        (finding,) = yield [DnsQuestion(wanted.name, wanted.rdtype)]
        proof = self.judge(name, token, finding)
        if proof.verdict not in {Verdict.ABSENT, Verdict.MISMATCH}:
            return proof
        zone = finding.zone
        places = [f"{wanted.name}.{zone}"] if zone else []
        places += [one for one in dict.fromkeys((name, zone)) if one]
        found = yield [DnsQuestion(place, wanted.rdtype) for place in places]
        for place, said in zip(places, found, strict=True):
            if any(_matches(one, wanted) for one in said.answers):
                return _misplaced(place, wanted, zone, proof)
        return proof

    def judge(self, name: str, token: str, finding: LookupResult) -> Proof:
        """Return what the answers to `record` come to. Pure."""
        wanted = self.record(name, token)
        verdict, reason, message = _judged(wanted, finding)
        shown = tuple(_shown(answer, wanted.rdtype) for answer in finding.answers)
        return Proof(verdict, reason, message, shown)


def _misplaced(place: str, wanted: ProofRecord, zone: str, proof: Proof) -> Proof:
    kind = wanted.rdtype.lower()
    if place == f"{wanted.name}.{zone}":
        return Proof(
            proof.verdict,
            f"{kind}_at_doubled_name",
            f"The record was created as {place}, because your DNS provider appends "
            f"{zone} automatically. Enter the name there as {relative(wanted.name, zone)}.",
            proof.observed,
        )
    return Proof(
        proof.verdict,
        f"{kind}_at_wrong_name",
        f"The value was found at {place}, but it must be at {wanted.name}.",
        proof.observed,
    )


def _judged(wanted: ProofRecord, finding: LookupResult) -> tuple[Verdict, str, str]:
    """Return the verdict, its reason and its message."""
    kind, slug, place = wanted.rdtype, wanted.rdtype.lower(), wanted.name
    answered = [answer for answer in finding.answers if answer.kind in _ANSWERED]
    matching = [answer for answer in answered if _matches(answer, wanted)]
    if len(answered) < max(1, min(2, len(finding.answers))):
        message = (
            f"Only {len(answered)} of {len(finding.answers)} name servers for {place} answered. "
            "Check that the name is registered and that its name servers work."
        )
        return Verdict.INCONCLUSIVE, "servers_unreachable", message
    if len(matching) == len(answered):
        message = f"All {len(matching)} name servers that answered publish the record."
        return Verdict.MATCH, f"{slug}_match", message
    if matching:
        missing = ", ".join(answer.server for answer in answered if answer not in matching)
        message = (
            f"{len(matching)} of {len(answered)} name servers publish the record. Still "
            f"missing: {missing}. New records take some time to reach every server."
        )
        return Verdict.INCONCLUSIVE, "servers_disagree", message
    if any(answer.kind is AnswerKind.DATA for answer in answered):
        return Verdict.MISMATCH, f"{slug}_mismatch", _difference(wanted, answered)
    return Verdict.ABSENT, f"{slug}_absent", f"There is no {kind} record at {place} yet."


def _difference(wanted: ProofRecord, answered: Sequence[Answer]) -> str:
    """Say how the nearest value differs, as a diagnosis does: what to publish, the instruction says."""
    expected = Expected(wanted.rdtype, wanted.name, wanted.value)
    found = values.closest(expected, [value for one in answered for value in one.values])
    return values.told(expected, "value_of_another" if found is None else found[1])[0]


def _matches(answer: Answer, wanted: ProofRecord) -> bool:
    # Every value is compared, in constant time, so that the time tells nothing about the token.
    expected = wanted.value + ("." if wanted.rdtype == "CNAME" else "")  # as answers have names
    found = [hmac.compare_digest(value.encode(), expected.encode()) for value in answer.values]
    return answer.kind is AnswerKind.DATA and any(found)


def _shown(answer: Answer, kind: str) -> str:
    server = answer.server or "no server"
    if answer.kind is not AnswerKind.DATA:
        return f"{server}: {answer.detail or answer.kind}"
    values = [ascii(value[:_SHOWN_CHARACTERS]) for value in answer.values[:_SHOWN_VALUES]]
    more = len(answer.values) - len(values)
    return f"{server}: {kind} {', '.join(values)}" + (f" and {more} more" if more else "")
