"""What a look must withstand before it counts: DNSSEC, and what other places see.

Whatever verifies a claim or counts towards its lapse passes through `corroborated`, and nothing else
is asked of it: a look that found nothing new costs no more.
"""

from dataclasses import replace
from typing import Protocol

from nameplate.core import quorum
from nameplate.models import VerificationMethodName
from nameplate.ports.resolver import Answer, AnswerKind, LookupResult
from nameplate.ports.validation import Security, Validation
from nameplate.ports.vantages import VantageLook
from nameplate.ports.verification import (
    MailedProofMethod,
    Proof,
    RecordProofMethod,
    Verdict,
    VerificationMethod,
)
from nameplate.usecases.tools import Tools

FIXES = {
    "dnssec_bogus": "Have your DNS host sign the zone again and enter the DS record that it shows at your "
    "registrar. To turn DNSSEC off, remove the DS record first.",
    "dnssec_unknown": "The operator must see to it that Nameplate reaches the name servers of the root, of "
    "the top-level domain and of the zone. Nameplate then continues automatically.",
    "vantages_unreachable": "The operator must look at the platform's vantages. Nameplate then continues "
    "automatically.",
    "vantages_disagree": "Wait until your DNS provider has updated every server. If it persists, ask it "
    "whether its answers depend on where they are asked for.",
}
"""What to do where the proof was seen here and does not count."""
_FAULTS = {
    "expired": "its signatures have expired",
    "not_yet_valid": "its signatures are not valid yet",
    "unsigned": "a signature is missing",
    "invalid": "a signature does not match",
    "wrong_key": "it is signed by a key that the zone does not have",
    "ds_mismatch": "none of its keys is the one that the DS record names",
    "no_keys": "there is a DS record, but the zone has no keys",
    "ds_missing": "the parent zone does not say whether the zone is signed",
    "denial_missing": "the zone does not prove what is not there",
}


class JudgedLook(Protocol):
    """A look at one token at one name, of which the verdict is to count."""

    @property
    def method(self) -> VerificationMethodName:
        """By which it is looked for."""
        ...

    @property
    def name(self) -> str:
        """The name without `*.`."""
        ...

    @property
    def token(self) -> str:
        """What must be there."""
        ...

    @property
    def proved(self) -> bool:
        """It was there before: that it is gone counts too."""
        ...


def is_needed(tools: Tools, question: JudgedLook, proof: Proof) -> bool:
    """Tell whether a look would change anything, and anything is set up to withstand."""
    if tools.validator is None and tools.vantages is None:
        return False
    return proof.verdict.proves or (question.proved and proof.verdict.disproves)


def corroborated(tools: Tools, question: JudgedLook, proof: Proof) -> Proof:
    """Return the proof as it counts: as it is, or inconclusive with the reason. Asks the network."""
    if not is_needed(tools, question, proof):
        return proof
    method = tools.methods[question.method]
    if isinstance(method, MailedProofMethod):  # the mail server finds its own way
        return proof
    validated = _validated(tools, method, question, proof)
    if validated.verdict is Verdict.INCONCLUSIVE or not isinstance(method, RecordProofMethod):
        return validated
    return _seen_elsewhere(tools, method, question, validated)


def _validated(
    tools: Tools, method: VerificationMethod, question: JudgedLook, proof: Proof
) -> Proof:
    if tools.validator is None:
        return proof
    asked = [(question.name, "A"), (question.name, "AAAA")]
    if isinstance(method, RecordProofMethod):
        record = method.record(question.name, question.token)
        asked = [(record.name, record.rdtype)]
    for name, rdtype in asked:
        found = tools.validator.validate(name, rdtype)
        seen = f"DNSSEC: {rdtype} of {name} is {found.security.value}: {found.detail}"
        proof = replace(proof, observed=(*proof.observed, seen))
        if (doubt := _doubt(name, found)) is not None:
            return replace(doubt, observed=proof.observed)
        if found.security is Security.SECURE and isinstance(method, RecordProofMethod):
            kind = AnswerKind.DATA if found.values else AnswerKind.NODATA
            signed = LookupResult("", (Answer(kind, "DNSSEC", found.values),))
            verdict = method.judge(question.name, question.token, signed).verdict
            if verdict.proves is not proof.verdict.proves:
                return Proof(
                    Verdict.INCONCLUSIVE,
                    "servers_disagree",
                    f"What is signed for {name} differs from what the name servers answered. New "
                    "records take some time to reach every server.",
                    proof.observed,
                )
    return proof


def _doubt(name: str, found: Validation) -> Proof | None:
    """Return why an answer does not count; None: it does."""
    if found.security is Security.BOGUS:
        why = _FAULTS.get(found.fault, found.fault)
        return Proof(
            Verdict.INCONCLUSIVE,
            "dnssec_bogus",
            f"DNSSEC is broken: {why} ({found.detail}). An answer that validating resolvers reject "
            "proves nothing.",
        )
    if found.security is Security.UNKNOWN:
        return Proof(
            Verdict.INCONCLUSIVE,
            "dnssec_unknown",
            f"DNSSEC of {name} could not be checked: {found.detail}.",
        )
    return None


def _seen_elsewhere(
    tools: Tools, method: RecordProofMethod, question: JudgedLook, proof: Proof
) -> Proof:
    record = method.record(question.name, question.token)
    looks = () if tools.vantages is None else tools.vantages.look(record.name, record.rdtype)
    if not looks:
        return proof
    judged = [(look.vantage, look.detail, _judged(method, question, look)) for look in looks]
    told = tuple(
        f"vantage {name}: {f'could not be asked: {detail}' if one is None else one.value}"
        for name, detail, one in judged
    )
    observed = (*proof.observed, *told)
    agreeing = sum(one is not None and _agree(one, proof.verdict) for _, _, one in judged)
    needed = quorum.needed(len(looks))
    if agreeing >= needed:
        return replace(proof, observed=observed)
    silent = [name for name, _, one in judged if one is None]
    said = f"{agreeing} of {len(looks)} vantages saw the same, {needed} must."
    if agreeing + len(silent) >= needed:
        return Proof(
            Verdict.INCONCLUSIVE,
            "vantages_unreachable",
            f"Too few of the platform's vantages could be asked: {said} No answer from: "
            f"{', '.join(silent)}.",
            observed,
        )
    return Proof(
        Verdict.INCONCLUSIVE,
        "vantages_disagree",
        f"Other places of the Internet see other records: {said} New records take some time to reach "
        "every server.",
        observed,
    )


def _judged(method: RecordProofMethod, question: JudgedLook, look: VantageLook) -> Verdict | None:
    """Return what a vantage saw; None when it could not be asked."""
    if look.found is None:
        return None
    return method.judge(question.name, question.token, look.found).verdict


def _agree(there: Verdict, here: Verdict) -> bool:
    return (there.proves and here.proves) or (there.disproves and here.disproves)
