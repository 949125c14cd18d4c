"""What every proof method must do, against a world in which the test can publish."""

from collections.abc import Callable

from nameplate.core.instructions import Instruction
from nameplate.ports.resolver import Resolver, carry_out
from nameplate.ports.verification import DnsMethod, Verdict, VerificationMethod

Publish = Callable[[Instruction], None]

_TOKEN = "k7q2" * 10
_OTHER = "z9x4" * 10


class VerificationMethodConformance:
    """Subclass it with fixtures `method`, `name` (a host) and `publish`.

    `publish(instruction)` does what the owner of `name` would do, replacing what was there.
    """

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
        for almost in (f"{_TOKEN}x", _TOKEN[:-1], _TOKEN.upper()):
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
