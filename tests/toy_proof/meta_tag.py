"""A proof method for Nameplate: a tag in the head of the site's first page."""

import hmac
from dataclasses import dataclass
from html.parser import HTMLParser
from ipaddress import ip_address
from typing import Annotated

from nameplate.core.configuration import between, setting
from nameplate.core.instructions import Instruction, tag
from nameplate.ports.fetcher import Fetched, HttpOutcome
from nameplate.ports.proxy import EDGE_HEADER
from nameplate.ports.verification import Outside, Proof, ProofMethodPlugin, ProofScope, Verdict

NAME = "nameplate-verification"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaTagConfiguration:
    """What the operator may set."""

    page_size: Annotated[int, between(1_024, 1_048_576)] = setting(
        "Bytes of the page that are read at most.", default=262_144
    )


class MetaTag:
    """Fetches `/` of the host. It proves that host alone, not the names below it."""

    scope = ProofScope.EXACT

    def __init__(self, config: MetaTagConfiguration, outside: Outside) -> None:
        """Take the settings and what to look through."""
        self._config = config
        self._outside = outside

    def instruct(self, name: str, token: str) -> Instruction:
        """Return the tag to publish. Pure."""
        return tag(f"http://{name}/", f'<meta name="{NAME}" content="{token}">')

    def check(self, name: str, token: str) -> Proof:
        """Look once."""
        page = self._outside.fetcher.fetch(name, "/", max_body=self._config.page_size)
        seen = tuple(f"{hop.url}: {hop.status}" for hop in page.hops)
        if self._is_ours(page):
            message = "The name points at this platform, whose answer proves nothing."
            return Proof(Verdict.INCONCLUSIVE, "answered_by_platform", message, seen)
        if page.category is not HttpOutcome.ANSWERED:
            message = "The page cannot be fetched: check that the site works."
            return Proof(Verdict.INCONCLUSIVE, f"page_{page.category}", message, seen)
        found = _tags(page.body)
        if any(hmac.compare_digest(one.encode(), token.encode()) for one in found):
            return Proof(Verdict.MATCH, "tag_match", "The tag is in place.", seen)
        if found:
            message = f"The page has a tag {NAME}, but with another content."
            return Proof(Verdict.MISMATCH, "tag_mismatch", message, seen)
        return Proof(Verdict.ABSENT, "tag_absent", f"The page has no tag {NAME} yet.", seen)

    def _is_ours(self, page: Fetched) -> bool:
        """Tell whether the platform's own proxies answered: any tenant could have put it there."""
        return any(
            EDGE_HEADER.lower() in hop.headers
            or (hop.address and any(ip_address(hop.address) in net for net in self._outside.edge))
            for hop in page.hops
        )


def _tags(body: bytes) -> list[str]:
    """Return the content of each tag in the head; what a visitor wrote into the body is none."""
    found: list[str] = []

    class Reader(HTMLParser):
        in_head = True

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.in_head = self.in_head and tag != "body"
            given = dict(attrs)
            if self.in_head and tag == "meta" and given.get("name") == NAME:
                found.append(given.get("content") or "")

        def handle_endtag(self, tag: str) -> None:
            self.in_head = self.in_head and tag != "head"

    Reader().feed(body.decode(errors="replace"))
    return found


plugin = ProofMethodPlugin(
    title="Tag in the first page", configuration=MetaTagConfiguration, connect=MetaTag
)
