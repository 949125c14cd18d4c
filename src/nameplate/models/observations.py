"""One look at a record: what every server answered, and what that means. The JSON of `propagation`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from nameplate.models.orm import moment
from nameplate.ports.resolver import Answer, AnswerKind

MIN_INTERVAL = 5.0
"""Seconds until the second look."""
MAX_INTERVAL = timedelta(hours=1)
"""Between two looks at a record that is not seen everywhere."""
SETTLED = timedelta(days=1)
"""Between two looks at a record that is."""
DOUBTS = 5
"""Looks in a row at which a seen record may meet silent servers before that counts."""
_MAX_VALUES = 10
_MAX_TEXT = 255
_TELLS = frozenset({AnswerKind.DATA, AnswerKind.NODATA, AnswerKind.NXDOMAIN})


@dataclass(frozen=True, slots=True, order=True)
class ObservedRecord:
    """What to ask for a record, and what shows it."""

    name: str
    type: str
    any_address: bool = False
    """Every address shows it: the provider answers with addresses of its own choice."""


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """One server's answer, and whether it shows the record."""

    answer: Answer
    public: bool
    """A public resolver, which caches; otherwise an authoritative server."""
    seen: bool

    @property
    def denies(self) -> bool:
        """Whether the server answered, with something else or with nothing."""
        return not self.seen and self.answer.kind in _TELLS


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at one record."""

    target: ObservedRecord
    zone: str
    """The zone in which the Internet finds the name."""
    at: datetime
    sightings: tuple[ServerAnswer, ...]

    @property
    def authoritative(self) -> Sequence[ServerAnswer]:
        """Those of the authoritative servers, which decide."""
        return [one for one in self.sightings if not one.public]

    @property
    def public(self) -> Sequence[ServerAnswer]:
        """Those of the public resolvers, which inform."""
        return [one for one in self.sightings if one.public]

    @property
    def everywhere(self) -> bool:
        """Whether there are authoritative servers, and each shows the record."""
        return bool(self.authoritative) and all(one.seen for one in self.authoritative)

    @property
    def old(self) -> Sequence[ServerAnswer]:
        """The public resolvers that still have something else."""
        return [one for one in self.public if one.denies]

    def confirms(self, *, before: bool, doubts: int) -> bool:
        """Whether the record counts as seen everywhere after this look.

        Silence neither proves nor disproves: a record that was seen before stays so for a few looks
        as long as no server denies it.
        """
        if self.everywhere or not before or doubts >= DOUBTS:
            return self.everywhere
        return not any(one.denies for one in self.authoritative)

    @property
    def denied(self) -> bool:
        """Whether every authoritative server answered, and none shows the record."""
        return bool(self.authoritative) and all(one.denies for one in self.authoritative)

    @property
    def is_silent(self) -> bool:
        """Whether no authoritative server told anything."""
        return not any(one.answer.kind in _TELLS for one in self.authoritative)

    def wait(self, *, attempts: int) -> timedelta:
        """Return how long the next look may wait: until an old answer ends, else a back-off."""
        slow = timedelta(seconds=MIN_INTERVAL * 1.5 ** min(attempts, 40))
        if not self.everywhere:
            return min(slow, MAX_INTERVAL)
        if not self.old:
            return SETTLED
        soonest = timedelta(seconds=min(one.answer.ttl for one in self.old) + 1)
        return min(max(soonest, min(slow, MAX_INTERVAL)), SETTLED)

    def ttl_left(self, one: ServerAnswer, now: datetime) -> int:
        """Return for how many seconds a cached answer stays; an authority's does not count down."""
        passed = int((now - self.at).total_seconds()) if one.public else 0
        return max(0, one.answer.ttl - passed)

    def sentence(self, now: datetime) -> str:
        """Return who sees the record and who does not, for a person."""
        found = self.authoritative
        if not found:
            return "No authoritative server of the name was found."
        seen = sum(one.seen for one in found)
        others = "; ".join(_told(one.answer) for one in found if not one.seen)
        text = f"Seen by {seen} of {len(found)} authoritative servers"
        text += f": {others}." if others else "."
        for one in self.old:
            left = self.ttl_left(one, now)
            if left:
                what = "an old answer" if one.answer.values else "an answer without the record"
                text += f" {one.answer.server} caches {what} for another {left} s."
        return text + self.note

    @property
    def observed(self) -> tuple[str, ...]:
        """Return what every server said, one line for each."""
        return tuple(_told(one.answer) for one in self.sightings)

    @property
    def note(self) -> str:
        """Why any address counts, with a space in front; empty when the value itself counts."""
        if not self.target.any_address:
            return ""
        return (
            " The provider answers for this record with its own addresses, so any address counts."
        )

    def as_json(self) -> dict[str, Any]:
        """Return what goes into the column, long answers cut."""
        return {
            "name": self.target.name,
            "type": self.target.type,
            "any_address": self.target.any_address,
            "zone": self.zone,
            "at": self.at.isoformat(),
            "answers": [_document(one) for one in self.sightings],
        }

    @classmethod
    def from_json(cls, document: Any) -> Self | None:  # noqa: ANN401 - whatever stands there
        """Return the look, None if there is none or it cannot be read."""
        if not document:
            return None
        try:
            at = moment(document["at"])
            target = ObservedRecord(
                document["name"], document["type"], bool(document.get("any_address"))
            )
            answers = tuple(_sighting(one) for one in document["answers"])
            zone = str(document["zone"])
        except (AttributeError, KeyError, TypeError, ValueError):
            return None
        return None if at is None else cls(target, zone, at, answers)


def _told(answer: Answer) -> str:
    said = ", ".join(answer.values)[:200] or answer.detail or answer.kind.value
    says = " says" if answer.server and answer.kind in _TELLS else ""
    return f"{answer.server}{says} {said}".strip()


def _document(one: ServerAnswer) -> dict[str, Any]:
    answer = one.answer
    return {
        "server": answer.server[:_MAX_TEXT],
        "kind": "public" if one.public else "authoritative",
        "answer": answer.kind.value,
        "values": [value[:_MAX_TEXT] for value in answer.values[:_MAX_VALUES]],
        "ttl": answer.ttl,
        "detail": answer.detail[:_MAX_TEXT],
        "seen": one.seen,
    }


def _sighting(document: Mapping[str, Any]) -> ServerAnswer:
    answer = Answer(
        AnswerKind(document["answer"]),
        document["server"],
        tuple(document["values"]),
        document["ttl"],
        document["detail"],
    )
    return ServerAnswer(answer, public=document["kind"] == "public", seen=document["seen"])
