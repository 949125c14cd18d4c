"""What a look must withstand before it counts: DNSSEC, and what other places see.

Whatever verifies a claim or counts towards its lapse passes through `corroborated`, and nothing else
is asked of it: a look that found nothing new costs no more.
"""

from dataclasses import replace

from nameplate.core import quorum
from nameplate.ports.resolver import Answer, AnswerKind, LookupResult
from nameplate.ports.validation import Security
from nameplate.ports.vantages import VantageLook
from nameplate.ports.verification import (
    MailedProofMethod,
    Proof,
    RecordProofMethod,
    Verdict,
    VerificationMethod,
)
from nameplate.usecases.claims.verification_questions import LookQuestion
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


def is_needed(tools: Tools, question: LookQuestion, proof: Proof) -> bool:
    """Tell whether a look would change anything, and anything is set up to withstand."""
    if tools.validator is None and tools.vantages is None:
        return False
    return proof.verdict.proves or (question.proved and proof.verdict.disproves)


def corroborated(tools: Tools, question: LookQuestion, proof: Proof) -> Proof:
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
    tools: Tools, method: VerificationMethod, question: LookQuestion, proof: Proof
) -> Proof:
    if tools.validator is None:
        return proof
    asked = [(question.name, "A"), (question.name, "AAAA")]
    if isinstance(method, RecordProofMethod):
        record = method.record(question.name, question.token)
        asked = [(record.name, record.rdtype)]
    for name, rdtype in asked:
        found = tools.validator.validate(name, rdtype)
        seen = f"DNSSEC: {rdtype} of {name} is {found.security.value}"
        proof = replace(proof, observed=(*proof.observed, f"{seen}: {found.detail}"))
        if found.security is Security.BOGUS:
            why = _FAULTS.get(found.fault, found.fault)
            return _doubted(
                proof,
                "dnssec_bogus",
                f"DNSSEC is broken: {why} ({found.detail}). An answer that validating resolvers reject "
                "proves nothing.",
            )
        if found.security is Security.UNKNOWN:
            return _doubted(
                proof,
                "dnssec_unknown",
                f"DNSSEC of {name} could not be checked: {found.detail}.",
            )
        if found.security is Security.SECURE and isinstance(method, RecordProofMethod):
            kind = AnswerKind.DATA if found.values else AnswerKind.NODATA
            signed = LookupResult("", (Answer(kind, "DNSSEC", found.values),))
            verdict = method.judge(question.name, question.token, signed).verdict
            if verdict.proves is not proof.verdict.proves:
                return _doubted(
                    proof,
                    "servers_disagree",
                    f"What is signed for {name} differs from what the name servers answered. New "
                    "records take some time to reach every server.",
                )
    return proof


def _seen_elsewhere(
    tools: Tools, method: RecordProofMethod, question: LookQuestion, proof: Proof
) -> Proof:
    record = method.record(question.name, question.token)
    looks = () if tools.vantages is None else tools.vantages.look(record.name, record.rdtype)
    if not looks:
        return proof
    judged = [
        (
            look,
            None if look.found is None else method.judge(question.name, question.token, look.found),
        )
        for look in looks
    ]
    told = tuple(_shown(look, one) for look, one in judged)
    proof = replace(proof, observed=(*proof.observed, *told))
    agreeing = sum(one is not None and _agree(one.verdict, proof.verdict) for _, one in judged)
    needed = quorum.needed(len(looks))
    if agreeing >= needed:
        return proof
    silent = [look.vantage for look, one in judged if one is None]
    said = f"{agreeing} of {len(looks)} vantages saw the same, {needed} must."
    if agreeing + len(silent) >= needed:
        return _doubted(
            proof,
            "vantages_unreachable",
            f"Too few of the platform's vantages could be asked: {said} No answer from: "
            f"{', '.join(silent)}.",
        )
    return _doubted(
        proof,
        "vantages_disagree",
        f"Other places of the Internet see other records: {said} New records take some time to reach "
        "every server.",
    )


def _agree(there: Verdict, here: Verdict) -> bool:
    return (there.proves and here.proves) or (there.disproves and here.disproves)


def _shown(look: VantageLook, proof: Proof | None) -> str:
    said = f"could not be asked: {look.detail}" if proof is None else proof.verdict.value
    return f"vantage {look.vantage}: {said}"


def _doubted(proof: Proof, reason: str, message: str) -> Proof:
    return Proof(Verdict.INCONCLUSIVE, reason, message, proof.observed)
