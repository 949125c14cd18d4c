"""What a look must withstand before it counts: DNSSEC, and what other places see.

Whatever verifies a claim or counts towards its lapse passes through `corroborated`, and nothing else
is asked of it: a look that found nothing new costs no more.
"""

from dataclasses import replace
from typing import Protocol

from nameplate.core import quorum
from nameplate.models import VerificationMethodName
from nameplate.ports.resolver import Answer, AnswerKind, LookupResult
from nameplate.ports.validation import Security
from nameplate.ports.vantages import VantageLook
from nameplate.ports.verification import (
    MailedProofMethod,
    Postbox,
    Proof,
    RecordProofMethod,
    Verdict,
    VerificationMethod,
)
from nameplate.usecases.claims.signed_answers import Doubted, SignedAnswers
from nameplate.usecases.tools import Tools

FIXES = {
    "answered_by_platform": "Prove the name by a DNS record: add a verification with `dns_txt`. It can be "
    "published while the name points here.",
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
_UNABLE = frozenset({"dnssec_unknown", "vantages_unreachable"})


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


def is_unable(proof: Proof) -> bool:
    """Tell whether the platform could not look, which only its operator can end."""
    return proof.reason in _UNABLE


def corroborated(tools: Tools, question: JudgedLook, proof: Proof) -> Proof:
    """Return the proof as it counts: as it is, or inconclusive with the reason. Asks the network."""
    if not is_needed(tools, question, proof):
        return proof
    method = tools.methods[question.method]
    validated = _validated(tools, method, question, proof)
    if validated.verdict is Verdict.INCONCLUSIVE or not isinstance(method, RecordProofMethod):
        return validated
    return _seen_elsewhere(tools, method, question, validated)


def mailed(tools: Tools, postbox: Postbox) -> Proof | None:
    """Return why no code is to be sent now: what leads it to its readers is doubtful; None: it may go."""
    if tools.validator is None:
        return None
    try:
        SignedAnswers(tools.validator).mail(tools.resolver, postbox)
    except Doubted as doubted:
        return doubted.proof
    return None


def _validated(
    tools: Tools, method: VerificationMethod, question: JudgedLook, proof: Proof
) -> Proof:
    if tools.validator is None:
        return proof
    answers = SignedAnswers(tools.validator, proof.observed)
    try:
        if isinstance(method, RecordProofMethod):
            _validate_record(answers, method, question, proof)
        elif isinstance(method, MailedProofMethod):
            answers.mail(tools.resolver, method.postbox(question.name))
        else:
            for host, address in dict.fromkeys([*proof.servers, (question.name, "")]):
                answers.web_server(host, address)
    except Doubted as doubted:
        return doubted.proof
    return replace(proof, observed=answers.observed)


def _validate_record(
    answers: SignedAnswers, method: RecordProofMethod, question: JudgedLook, proof: Proof
) -> None:
    """Compare what was seen with what is signed, if anything is."""
    record = method.record(question.name, question.token)
    found = answers.ask(record.name, record.rdtype)
    if found.security is not Security.SECURE:
        return
    kind = AnswerKind.DATA if found.values else AnswerKind.NODATA
    signed = LookupResult("", (Answer(kind, "DNSSEC", found.values),))
    verdict = method.judge(question.name, question.token, signed).verdict
    if verdict.proves is not proof.verdict.proves:
        answers.doubt(
            "servers_disagree",
            f"What is signed for {question.name} differs from what the name servers answered. New "
            "records take some time to reach every server.",
        )


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
