"""Proof by a tag in the head of the site's first page: control of exactly that host."""

import hmac
import re
from collections.abc import Iterator
from itertools import islice

from justhtml import stream

from nameplate.adapters.verification import web
from nameplate.adapters.verification.web import Scheme
from nameplate.core.egress import Network
from nameplate.core.instructions import Instruction, tag
from nameplate.ports.fetcher import Fetched, Fetcher
from nameplate.ports.verification import Proof, ProofMethodPlugin, ProofScope, Verdict

NAME = "nameplate-verification"
MAX_PAGE = 262_144
"""Bytes of the page that are read."""
_MAX_EVENTS = 2_000
"""Tags, texts and comments of a head that are looked at."""
_MAX_TAGS = 20
_EMPTY_ELEMENTS = frozenset({"base", "link", "meta"})
_HIDDEN = "x-noscript"
_TEXT_ELEMENTS = frozenset({"noscript", "script", "style", "title", _HIDDEN})
_NOSCRIPT = re.compile(r"<(/?)noscript(?![a-z0-9-])", re.IGNORECASE)
_WHITESPACE = " \t\n\f\r"


class MetaTag:
    """Fetches `/` of the host by https, and by http when that gives nothing; follows no redirect."""

    scope = ProofScope.EXACT

    def __init__(self, fetcher: Fetcher, edge: tuple[Network, ...] = ()) -> None:
        """Treat `edge` as the networks in which the platform's own proxies answer."""
        self._fetcher = fetcher
        self._edge = edge

    def instruct(self, name: str, token: str) -> Instruction:
        """Return the tag to publish. Pure."""
        return tag(f"https://{name}/", f'<meta name="{NAME}" content="{token}">')

    def check(self, name: str, token: str) -> Proof:
        """Look once by each scheme; the platform's own answer ends it."""

        def look(scheme: Scheme) -> Proof:
            fetched = self._fetcher.fetch(
                name, "/", scheme=scheme, max_body=MAX_PAGE, redirects=False, truncate=True
            )
            return web.judge(fetched, "page", self._edge, lambda found: _compared(found, token))

        return web.first_match(look, ("https", "http"))


def _compared(fetched: Fetched, token: str) -> web.Told:
    status = fetched.status
    if not 200 <= status < 300:  # noqa: PLR2004  # the class of success, RFC 9110
        message = f"The web server answered with HTTP status {status}. Expected 200."
        return Verdict.INCONCLUSIVE, "page_status", message
    kind = fetched.hops[-1].headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "text/html":
        message = "The page is not sent as `text/html`."
        return Verdict.MISMATCH, "page_not_html", message
    contents = tags(fetched.body)
    if contents is None:
        message = "The page has no <head> tag before everything else that is shown."
        return Verdict.MISMATCH, "tag_no_head", message
    if any(hmac.compare_digest(one.encode(), token.encode()) for one in contents):
        return Verdict.MATCH, "tag_match", "The tag is in place."
    if contents:
        message = f"The page has a tag {NAME}, but not with the expected content."
        return Verdict.MISMATCH, "tag_mismatch", message
    message = f"The <head> of the page has no tag {NAME} yet."
    return Verdict.ABSENT, "tag_absent", message


def tags(page: bytes) -> list[str] | None:
    """Return the content of each of our tags in the page's head; None without a head.

    The head ends at the first thing that may not stand in one: whatever a visitor wrote is behind it,
    or inside a comment, a text element or an attribute. No encoding of the web hides `<` or a quote in
    another character, but for those that switch by the escape character.
    """
    if b"\x1b" in page:
        return None
    text = page.decode("utf-8", "replace").removeprefix("\ufeff")
    found = _tags(text)
    if not found or not _NOSCRIPT.search(text):
        return found
    # With scripts <noscript> is text, without them it has elements: a tag counts if it is there in both.
    also = _tags(_NOSCRIPT.sub(rf"<\1{_HIDDEN}", text)) or []
    return [one for one in found if one in also]


def _tags(text: str) -> list[str] | None:
    events = islice(stream(text), _MAX_EVENTS)
    if not _begins_head(events):
        return None
    return [attributes.get("content") or "" for attributes in islice(_metas(events), _MAX_TAGS)]


def _begins_head(events: Iterator[tuple[str, object]]) -> bool:
    """Go on until the head has begun; tell whether only what may stand before it was there."""
    is_in_html = False
    for event in events:
        match event:
            case ("start", ("head", _)):
                return True
            case ("start", ("html", _)) if not is_in_html:
                is_in_html = True
            case ("doctype", _) if not is_in_html:
                pass
            case ("comment", _):
                pass
            case ("text", str(text)) if not text.strip(_WHITESPACE):
                pass
            case _:
                return False
    return False


def _metas(events: Iterator[tuple[str, object]]) -> Iterator[dict[str, str | None]]:
    """Yield the attributes of each of our tags, until the head ends."""
    inside: str | None = None
    for event in events:
        match event:
            case ("end", str(name)) if inside is not None and name == inside:
                inside = None
            case _ if inside is not None:
                pass
            case ("start", (str(name), dict(attributes))) if name in _EMPTY_ELEMENTS:
                if name == "meta" and (attributes.get("name") or "").lower() == NAME:
                    yield attributes
            case ("start", (str(name), _)) if name in _TEXT_ELEMENTS:
                inside = name
            case ("comment", _):
                pass
            case ("text", str(text)) if not text.strip(_WHITESPACE):
                pass
            case _:
                return


plugin = ProofMethodPlugin(
    title="Tag in the first page",
    connect=lambda _config, outside: MetaTag(outside.fetcher, outside.edge),
)
