"""A scripted Internet: DNS with wildcards and aliases, web servers by address, and mailboxes."""

from dataclasses import dataclass, field
from typing import Any, Literal

from nameplate.ports.fetcher import Fetched, Hop, HttpOutcome
from nameplate.ports.mail import Delivery, DeliveryOutcome, Letter
from nameplate.ports.proxy import EDGE_HEADER
from nameplate.ports.resolver import Answer, AnswerKind, LookupResult

EDGE = "203.0.113.10"
"""Where the platform's own proxies answer: whatever a tenant puts there."""
OWNERS, THIEFS = "198.51.100.1", "198.51.100.66"


@dataclass(frozen=True)
class Page:
    """What a web server answers."""

    body: str = ""
    leads_to: tuple[str, str] | None = None
    """Host and path of a redirect."""
    is_marked: bool = False
    """It carries the header of the platform's proxies."""


@dataclass
class Net:
    """What is published where."""

    records: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    pages: dict[tuple[str, str, str], Page] = field(default_factory=dict)
    """By address, host and path."""
    echoes: set[str] = field(default_factory=set)
    """Addresses of servers that answer every path with the path."""
    silent: bool = False
    """No name server answers."""
    marks: bool = True
    """The platform's proxies mark their answers."""
    letters: list[Letter] = field(default_factory=list)

    def add(self, name: str, rdtype: str, value: str) -> None:
        """Publish a record."""
        self.records.setdefault((name, rdtype), set()).add(value)

    def drop(self, name: str) -> None:
        """Remove every record and page at a name and below it."""
        inside = lambda one: one == name or one.endswith("." + name)  # noqa: E731 - used twice below
        self.records = {at: got for at, got in self.records.items() if not inside(at[0])}
        self.pages = {at: got for at, got in self.pages.items() if not inside(at[1])}

    def values(self, name: str, rdtype: str, depth: int = 8) -> tuple[str, ...]:
        """Return what a name has, by a wildcard where it has nothing itself, at the end of aliases."""
        place = self._place(name)
        found = self.records.get((place, rdtype))
        if found:
            return tuple(sorted(found))
        alias = self.records.get((place, "CNAME"))
        if not alias or not depth:
            return ()
        return self.values(min(alias).removesuffix("."), rdtype, depth - 1)

    def _place(self, name: str) -> str:
        there = {one for one, _ in self.records}
        if name in there:
            return name
        above = name.partition(".")[2]
        while above:
            if f"*.{above}" in there:
                return f"*.{above}"
            above = above.partition(".")[2]
        return name

    def authoritative(self, name: str, rdtype: str, *, delegated: bool = False) -> LookupResult:
        """Answer as both name servers of every zone do."""
        del delegated
        found = () if self.silent else self.values(name, rdtype)
        kind = AnswerKind.DATA if found else AnswerKind.NODATA
        kind = AnswerKind.TIMEOUT if self.silent else kind
        answers = tuple(Answer(kind, server, found) for server in ("ns1", "ns2"))
        return LookupResult(".".join(name.rsplit(".", 2)[-2:]), answers)

    def addresses(self, name: str) -> tuple[str, ...]:
        """Resolve a name."""
        return self.values(name, "A")

    def fetch(
        self,
        host: str,
        path: str,
        *,
        scheme: Literal["http", "https"] = "http",
        redirects: bool = True,
        **_: Any,
    ) -> Fetched:
        """Fetch as the real fetcher does: redirects stay below the registrable domain."""
        site = host.rsplit(".", 2)[-2:]
        hops: list[Hop] = []
        for _count in range(5):
            address = next(iter(self.addresses(host)), None)
            if address is None or self.silent:
                return Fetched(HttpOutcome.NO_ADDRESS, tuple(hops))
            page = self.pages.get((address, host, path))
            if page is None and address in self.echoes:
                page = Page(f"You asked for {path}")
            marked = (address == EDGE and self.marks) or (page is not None and page.is_marked)
            headers = {
                "content-type": "text/html",
                **({EDGE_HEADER.lower(): "1"} if marked else {}),
            }
            status = 404 if page is None else 302 if page.leads_to else 200
            hops.append(Hop(f"{scheme}://{host}{path}", address, status, headers))
            if page is None or page.leads_to is None:
                body = "" if page is None else page.body
                return Fetched(HttpOutcome.ANSWERED, tuple(hops), body.encode())
            host, path = page.leads_to
            if not redirects or host.rsplit(".", 2)[-2:] != site:
                return Fetched(HttpOutcome.REDIRECT_REFUSED, tuple(hops))
        return Fetched(HttpOutcome.TOO_MANY_REDIRECTS, tuple(hops))

    def send(self, letter: Letter) -> Delivery:
        """Take a message."""
        self.letters.append(letter)
        return Delivery(DeliveryOutcome.ACCEPTED)
