"""Proof by a file on the web server of the name: control of exactly that host."""

import hashlib
import hmac
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from nameplate.core.egress import Network
from nameplate.core.instructions import Instruction, file
from nameplate.ports.fetcher import Fetched, Fetcher, HttpOutcome
from nameplate.ports.proxy import EDGE_HEADER
from nameplate.ports.verification import Proof, ProofMethodPlugin, ProofScope, Verdict

PATH = "/.well-known/nameplate-verification.txt"
"""The same for everybody: a request that carries the token could be echoed back by the site."""

_MAX_FILE = 1024
_MISSING = frozenset({401, 403, 404, 410})
_Told = tuple[Verdict, str, str]
_ENDS: dict[HttpOutcome, tuple[Verdict, str]] = {
    HttpOutcome.NO_ADDRESS: (Verdict.INCONCLUSIVE, "The name has no address (A or AAAA record)."),
    HttpOutcome.ADDRESS_REFUSED: (
        Verdict.INCONCLUSIVE,
        "The name has an address that is not on the public Internet.",
    ),
    HttpOutcome.UNREACHABLE: (Verdict.INCONCLUSIVE, "The web server cannot be reached."),
    HttpOutcome.TIMEOUT: (Verdict.INCONCLUSIVE, "The web server took too long."),
    HttpOutcome.TLS_FAILED: (Verdict.INCONCLUSIVE, "The TLS handshake with the web server failed."),
    HttpOutcome.MALFORMED: (
        Verdict.INCONCLUSIVE,
        "The server at this address does not speak HTTP.",
    ),
    HttpOutcome.TOO_LARGE: (Verdict.MISMATCH, "The answer is too large to be the file."),
    HttpOutcome.ENCODED: (
        Verdict.MISMATCH,
        "The file was sent compressed. Serve it without compression.",
    ),
    HttpOutcome.REDIRECT_REFUSED: (
        Verdict.INCONCLUSIVE,
        (
            "The web server redirects to another site, port or scheme. Serve the file without a "
            "redirect."
        ),
    ),
    HttpOutcome.TOO_MANY_REDIRECTS: (Verdict.INCONCLUSIVE, "The web server redirects too often."),
}


class FileUpload:
    """Fetches one fixed path by http, and by https when that does not give the file.

    An answer from the platform's own edge proves nothing, because any tenant could have put it
    there: `edge` are its networks, and its proxies mark their answers with `EDGE_HEADER`.
    """

    scope = ProofScope.EXACT

    def __init__(self, fetcher: Fetcher, edge: tuple[Network, ...] = ()) -> None:
        """Treat `edge` as the networks in which the platform's own proxies answer."""
        self._fetcher = fetcher
        self._edge = edge

    def instruct(self, name: str, token: str) -> Instruction:
        """Return the file to publish. Pure."""
        return file(f"http://{name}{PATH}", PATH, token)

    def check(self, name: str, token: str) -> Proof:
        """Look once by each scheme; the platform's own answer ends it."""
        first = self._look(name, token, "http")
        if first.verdict is Verdict.MATCH or first.reason == "answered_by_platform":
            return first
        second = self._look(name, token, "https")
        undecided = first.verdict is Verdict.INCONCLUSIVE
        if second.verdict is Verdict.MATCH:
            return second
        return second if undecided and second.verdict is not Verdict.INCONCLUSIVE else first

    def _look(self, name: str, token: str, scheme: Literal["http", "https"]) -> Proof:
        fetched = self._fetcher.fetch(name, PATH, scheme=scheme, max_body=_MAX_FILE)
        verdict, reason, message = self._judge(fetched, token)
        return Proof(verdict, reason, message, _observed(fetched))

    def _judge(self, fetched: Fetched, token: str) -> _Told:
        if self._answered_by_platform(fetched):
            message = (
                "The name points to this platform, whose own answer proves nothing. Use the "
                "method dns_txt."
            )
            return Verdict.INCONCLUSIVE, "answered_by_platform", message
        if fetched.category is not HttpOutcome.ANSWERED:
            verdict, message = _ENDS[fetched.category]
            return verdict, f"file_{fetched.category}", message
        if 200 <= fetched.status < 300:  # noqa: PLR2004  # the class of success, RFC 9110
            return _compared(fetched.body, token)
        if fetched.status in _MISSING:
            message = f"The web server answered {PATH} with HTTP status {fetched.status}."
            return Verdict.ABSENT, "file_not_found", message
        message = f"The web server answered with HTTP status {fetched.status}. Expected 200."
        return Verdict.INCONCLUSIVE, "file_status", message

    def _answered_by_platform(self, fetched: Fetched) -> bool:
        return any(
            EDGE_HEADER.lower() in hop.headers
            or (hop.address and any(ip_address(hop.address) in net for net in self._edge))
            for hop in fetched.hops
        )


def _compared(body: bytes, token: str) -> _Told:
    if hmac.compare_digest(body.rstrip(b" \t\r\n"), token.encode()):
        return Verdict.MATCH, "file_match", "The file has the expected text."
    message = (
        f"The content at {PATH} is not exactly the expected text. Many sites answer every "
        "path with a page. Serve the plain file."
    )
    return Verdict.MISMATCH, "file_mismatch", message


def _observed(fetched: Fetched) -> tuple[str, ...]:
    """Say who answered with which status; of the body only a fingerprint, never its text."""
    seen = []
    for hop in fetched.hops:
        parts = urlsplit(hop.url)
        seen.append(f"{parts.scheme}://{parts.netloc}: {hop.status or fetched.category}")
    if fetched.body:
        seen.append(f"sha256 of the body: {hashlib.sha256(fetched.body).hexdigest()}")
    return tuple(seen)


plugin = ProofMethodPlugin(
    title="File on the web server",
    connect=lambda _config, outside: FileUpload(outside.fetcher, outside.edge),
)
