"""What every proof method must do, against a world in which the test can publish."""

from collections.abc import Callable
from typing import ClassVar

from nameplate.core.instructions import Instruction
from nameplate.ports.mail import DeliveryOutcome
from nameplate.ports.resolver import Answer, AnswerKind, LookupResult, Resolver, carry_out
from nameplate.ports.verification import (
    DnsMethod,
    MailedProofMethod,
    RecordProofMethod,
    Verdict,
    VerificationMethod,
)

Publish = Callable[[Instruction], None]
Inbox = Callable[[str], str]
"""Returns all that has arrived for an address."""

_TOKEN = "k7q2" * 10
_OTHER = "z9x4" * 10


class VerificationMethodConformance:
    """Subclass it with fixtures `method`, `name` (a host) and `publish`.

    `publish(instruction)` does what the owner of `name` would do, replacing what was there.
    """

    folds_case: ClassVar[bool] = False
    """The token is published as part of a DNS name, which has no case (RFC 4343)."""

    def test_instruction_is_stable(self, method: VerificationMethod, name: str) -> None:
        """The instruction depends on name and token alone, and can be printed as it is."""
        told = method.instruct(name, _TOKEN)
        assert told == method.instruct(name, _TOKEN)
        assert told != method.instruct(name, _OTHER)
        assert told.kind
        assert all(field and value for field, value in told.fields)
        assert told.expected
        assert told.sentence.endswith(".")

    def test_nothing_published(self, method: VerificationMethod, name: str) -> None:
        """Nothing there is a value that says so in a sentence, never an exception."""
        proof = method.check(name, _TOKEN)
        assert proof.verdict is Verdict.ABSENT
        assert proof.reason
        assert proof.message

    def test_published(self, method: VerificationMethod, name: str, publish: Publish) -> None:
        """What was instructed matches, and looking again gives the same."""
        publish(method.instruct(name, _TOKEN))
        assert method.check(name, _TOKEN).verdict is Verdict.MATCH
        assert method.check(name, _TOKEN).verdict is Verdict.MATCH

    def test_other_token(self, method: VerificationMethod, name: str, publish: Publish) -> None:
        """The token of another claim does not match, and the expected one is not given away."""
        publish(method.instruct(name, _OTHER))
        proof = method.check(name, _TOKEN)
        assert proof.verdict is Verdict.MISMATCH
        assert _TOKEN not in f"{proof.message}{proof.observed}"

    def test_almost_the_token(
        self, method: VerificationMethod, name: str, publish: Publish
    ) -> None:
        """A longer, shorter or differently cased token is another one."""
        cased = () if self.folds_case else (_TOKEN.upper(),)
        for almost in (f"{_TOKEN}x", _TOKEN[:-1], *cased):
            publish(method.instruct(name, almost))
            assert method.check(name, _TOKEN).verdict is Verdict.MISMATCH


class DnsMethodConformance:
    """Subclass it with the fixtures of `VerificationMethodConformance`, and `resolver`."""

    def test_what_it_asks_is_judged_as_by_check(
        self, method: DnsMethod, resolver: Resolver, name: str, publish: Publish
    ) -> None:
        """Nothing, another token and the right one give the same proof either way."""
        for told in (None, _OTHER, _TOKEN):
            if told is not None:
                publish(method.instruct(name, told))
            found = carry_out(method.inquire(name, _TOKEN), resolver)
            assert found == method.check(name, _TOKEN)
            assert (found.verdict is Verdict.MATCH) == (told == _TOKEN)

    def test_it_asks_nothing_by_itself(self, method: DnsMethod, name: str) -> None:
        """All that it wants to know it yields, some at once."""
        inquiry = method.inquire(name, _TOKEN)
        questions = next(inquiry)
        assert questions
        assert all(one.name and one.rdtype for one in questions)
        inquiry.close()


class RecordProofMethodConformance:
    """Subclass it with fixtures `method` and `name` (a host)."""

    def test_what_is_asked_is_what_is_instructed(
        self, method: RecordProofMethod, name: str
    ) -> None:
        """The record is below the name, at a label of its own that begins with an underscore."""
        wanted, told = method.record(name, _TOKEN), method.instruct(name, _TOKEN)
        assert (wanted.rdtype, wanted.name) == (told.get("type"), told.get("name"))
        assert wanted.value == told.expected
        assert wanted.name.startswith("_")
        assert wanted.name.endswith(f".{name}")

    def test_only_the_record_itself_matches(self, method: RecordProofMethod, name: str) -> None:
        """All servers that answer must have it; a failure is neither proof nor disproof."""
        ours, other = (_value(method, name, token) for token in (_TOKEN, _OTHER))
        for kinds, verdict in (
            (((ours,), (other, ours)), Verdict.MATCH),
            (((ours,), (other,)), Verdict.INCONCLUSIVE),
            (((other,), (other,)), Verdict.MISMATCH),
            (((f"x{ours}",), (f"x{ours}",)), Verdict.MISMATCH),
        ):
            answers = [Answer(AnswerKind.DATA, f"ns{n}", one) for n, one in enumerate(kinds)]
            assert method.judge(name, _TOKEN, LookupResult("", tuple(answers))).verdict is verdict
        for kind in (AnswerKind.TIMEOUT, AnswerKind.SERVFAIL, AnswerKind.REFUSED):
            found = method.judge(name, _TOKEN, LookupResult("", (Answer(kind, "ns"),)))
            assert found.verdict is Verdict.INCONCLUSIVE
        for kind in (AnswerKind.NODATA, AnswerKind.NXDOMAIN):
            found = method.judge(name, _TOKEN, LookupResult("", (Answer(kind, "ns"),)))
            assert found.verdict is Verdict.ABSENT


def _value(method: RecordProofMethod, name: str, token: str) -> str:
    """Return the value as answers have it."""
    wanted = method.record(name, token)
    return f"{wanted.value}." if wanted.rdtype == "CNAME" else wanted.value


class MailedProofMethodConformance:
    """Subclass it with fixtures `method`, `name` (a host) and `inbox`."""

    def test_nobody_chooses_the_recipients(self, method: MailedProofMethod, name: str) -> None:
        """They depend on the name alone, and the claimant is told of them."""
        postbox = method.postbox(name)
        assert postbox == method.postbox(name)
        assert postbox.recipients
        told = method.instruct(name, _TOKEN)
        assert told == method.instruct(name, _TOKEN)
        assert told != method.instruct(name, _OTHER)
        assert postbox.home in told.sentence

    def test_the_code_arrives(self, method: MailedProofMethod, name: str, inbox: Inbox) -> None:
        """The message has code and name; of the organization no link and no second line."""
        sender = "Evil\r\nBcc: all@example.net https://evil.example/"
        postbox = method.postbox(name)
        sent = method.send(postbox, name, _TOKEN, "abcd-efgh", sender)
        assert sent.outcome is DeliveryOutcome.ACCEPTED
        arrived = inbox(postbox.recipients[0])
        assert "abcd-efgh" in arrived
        assert name in arrived
        assert "Bcc:" not in arrived
        assert "evil.example" not in arrived
        assert _TOKEN not in arrived
