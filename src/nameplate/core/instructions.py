"""What an owner must publish, as data: whoever shows it prints it and decides nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kinds that Nameplate itself knows; a proof method may have another of its own."""

    DNS_RECORD = "dns_record"
    FILE = "file"
    """A file that a web server answers with."""
    TAG = "tag"
    """A tag in the head of a page."""
    NAME_SERVERS = "name_servers"
    """A delegation, set at the registrar or in the zone above."""
    UNDECIDED = "undecided"
    """Nothing yet: the sentence says how to find out what."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One thing to publish, known as soon as the claim exists and never changed after."""

    kind: str
    """One of `Kind`, or a slug of the proof method's own."""
    fields: tuple[tuple[str, str], ...]
    """Name and value, in the order in which a person needs them. The last is what is looked for."""
    sentence: str
    """All of it in one plain sentence that says what to do."""

    @property
    def expected(self) -> str:
        """What a look hopes to find."""
        return self.fields[-1][1]

    def get(self, name: str) -> str | None:
        """Return the first value of that name; None when there is none."""
        return next(iter(self.all(name)), None)

    def all(self, name: str) -> Sequence[str]:
        """Return every value of that name, in order."""
        return [value for field, value in self.fields if field == name]


def dns_record(rdtype: str, name: str, value: str) -> Instruction:
    """Return the instruction for a DNS record; `name` is absolute, without final dot."""
    return Instruction(
        Kind.DNS_RECORD,
        (("type", rdtype), ("name", name), ("value", value)),
        f'Publish a {rdtype} record at {name} with the value "{value}".',
    )


def file(url: str, path: str, content: str) -> Instruction:
    """Return the instruction for a file of exactly `content`, at `path` of the web server."""
    return Instruction(
        Kind.FILE,
        (("url", url), ("path", path), ("content", content)),
        f'Serve a file at {url} that contains "{content}" and nothing else.',
    )


def tag(page: str, html: str) -> Instruction:
    """Return the instruction for a tag in the head of the page at the URL `page`."""
    return Instruction(
        Kind.TAG, (("page", page), ("tag", html)), f"Add {html} to the <head> of {page}."
    )


def name_servers(zone: str, servers: Sequence[str], sentence: str) -> Instruction:
    """Return the instruction to delegate `zone`; `sentence` says where and when."""
    named = tuple(("name_server", server) for server in servers)
    return Instruction(Kind.NAME_SERVERS, (("type", "NS"), ("name", zone), *named), sentence)


def undecided(host: str, choices: Sequence[tuple[str, str]], sentence: str) -> Instruction:
    """Return the instruction for a host of which it is not known yet where it leads."""
    return Instruction(Kind.UNDECIDED, (("name", host), *choices), sentence)


def in_zone(one: Instruction, zone: str) -> Instruction:
    """Return it with what to enter where the provider appends the zone, if it is a DNS record."""
    name = one.get("name")
    if one.kind != Kind.DNS_RECORD or name is None or not name.endswith(f".{zone}"):
        return one
    more = (("zone", zone), ("relative_name", name.removesuffix(f".{zone}")))
    return Instruction(one.kind, (*one.fields[:-1], *more, one.fields[-1]), one.sentence)
