"""One thing that a domain's owner must publish, and whether that is still to be done."""

from dataclasses import dataclass, replace

from nameplate.core.dns_hosts.entry import Purpose
from nameplate.core.instructions import Instruction


@dataclass(frozen=True, slots=True)
class ToPublish:
    """One thing to publish, what for, and whether that is still to be done."""

    purpose: Purpose
    instruction: Instruction
    """Its sentence says what to do now."""
    is_published: bool = False
    """The last look saw it."""
    done: bool = False
    """Nothing is to be done about it now."""


def kept(one: ToPublish, seen: str) -> ToPublish:
    """Return it with a sentence that asks to leave it where it was `seen`."""
    sentence = f"{seen} Keep it for as long as the domain is in use."
    return replace(one, instruction=replace(one.instruction, sentence=sentence))
