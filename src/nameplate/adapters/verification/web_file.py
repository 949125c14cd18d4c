"""A file at a fixed path of a web server, compared byte by byte."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from nameplate.adapters.verification import web
from nameplate.adapters.verification.web import Scheme
from nameplate.core.egress import Network
from nameplate.core.instructions import Instruction, file
from nameplate.ports.fetcher import Fetched, Fetcher
from nameplate.ports.verification import Proof, ProofScope, Verdict

_MAX_FILE = 1024
_MISSING = frozenset({401, 403, 404, 410})


@dataclass(frozen=True, slots=True)
class WebFile:
    """What the owner serves, and where."""

    path: str
    content: str
    """Whatever of it nobody can guess must not be in the path: sites echo what they are asked."""


class WebFileMethod:
    """Fetches one path of the host. It proves that host alone."""

    scope = ProofScope.EXACT

    def __init__(
        self,
        fetcher: Fetcher,
        edge: tuple[Network, ...],
        file_of: Callable[[str], WebFile],
        schemes: tuple[Scheme, ...],
    ) -> None:
        """Take the networks of the platform's proxies, the file of a token, and where to look."""
        self._fetcher = fetcher
        self._edge = edge
        self._file_of = file_of
        self._schemes = schemes

    def instruct(self, name: str, token: str) -> Instruction:
        """Return the file to publish. Pure."""
        wanted = self._file_of(token)
        return file(f"http://{name}{wanted.path}", wanted.path, wanted.content)

    def check(self, name: str, token: str) -> Proof:
        """Look once by each scheme; the platform's own answer ends it."""
        wanted = self._file_of(token)

        def look(scheme: Scheme) -> Proof:
            fetched = self._fetcher.fetch(name, wanted.path, scheme=scheme, max_body=_MAX_FILE)
            return web.judge(fetched, "file", self._edge, lambda found: _compared(found, wanted))

        return web.first_match(look, self._schemes)


def _compared(fetched: Fetched, wanted: WebFile) -> web.Told:
    path, status = wanted.path, fetched.status
    if status in _MISSING:
        message = f"The web server answered {path} with HTTP status {status}."
        return Verdict.ABSENT, "file_not_found", message
    if not 200 <= status < 300:  # noqa: PLR2004  # the class of success, RFC 9110
        message = f"The web server answered with HTTP status {status}. Expected 200."
        return Verdict.INCONCLUSIVE, "file_status", message
    if hmac.compare_digest(fetched.body.rstrip(b" \t\r\n"), wanted.content.encode()):
        return Verdict.MATCH, "file_match", "The file has the expected text."
    message = (
        f"The content at {path} is not exactly the expected text. Many sites answer every "
        "path with a page. Serve the plain file."
    )
    return Verdict.MISMATCH, "file_mismatch", message
