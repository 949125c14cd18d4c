"""A provider's API on loopback that keeps state, and can be told to go wrong."""

import contextlib
import copy
import http.server
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_write(self) -> bool:
        """Whether it changes something, going by its method."""
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class Answer:
    """One response."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Cut(Exception):
    """The connection breaks instead of an answer."""


@dataclass
class Fault:
    """What goes wrong with the next `times` requests that `when` is true of."""

    kind: str
    """`status` answers `status` without acting; `before` and `after` break the connection before or
    after the act; `partial` acts on the first `keep` operations of a write, then breaks."""
    when: Callable[[Asked], bool]
    times: int = 1
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    """How long the connection stays open without a word first."""
    keep: int = 1


class FakeServer:
    """Subclasses answer requests from `self.state`; `self.seen()` is what readers get to see."""

    def __init__(self, state: Any) -> None:
        """Take the state, a structure of dictionaries and lists."""
        self.state = state
        self.credential = "the-right-key"
        self.is_revoked = False
        self.quota: int | None = None
        self.is_odd = False
        """Whether values are kept in other forms than they were sent in: case, dots, quotes."""
        self.paging = ""
        """`doubled` repeats an entry on the next page, `missing` leaves one out."""
        self.faults: list[Fault] = []
        self.asked: list[Asked] = []
        self.broken: list[str] = []
        """Answers of ours that the vendor's schema does not allow, and requests likewise."""
        self.keep: int | None = None
        self.page_limit = 10_000
        self._stale: tuple[int, Any] = (0, None)
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def respond(self, asked: Asked) -> Answer:
        """Act and answer."""
        raise NotImplementedError

    def failed(self, status: int) -> Answer:
        """Return the vendor's own shape of an error with this status."""
        raise NotImplementedError

    def is_write(self, asked: Asked) -> bool:
        """Tell whether a request changes something."""
        return asked.is_write

    def stale(self, reads: int) -> None:
        """Let the next `reads` requests see the state as it is now, whatever is written."""
        with self._lock:
            self._stale = (reads, copy.deepcopy(self.state))

    @property
    def is_stale(self) -> bool:
        """Whether readers see an older state at this moment."""
        return self._stale[0] > 0

    @contextlib.contextmanager
    def healthy(self) -> Iterator[None]:
        """Let nothing go wrong for a while."""
        held = self.faults, self._stale, self.paging
        self.faults, self._stale, self.paging = [], (0, None), ""
        try:
            yield
        finally:
            self.faults, self._stale, self.paging = held

    def seen(self) -> Any:
        """Return the state as a reader sees it at this moment."""
        left, frozen = self._stale
        if left <= 0:
            return self.state
        self._stale = (left - 1, frozen)
        return frozen

    def play(self, kind: str, **more: Any) -> None:
        """Let something go wrong; `when` is any write unless given."""
        self.faults.append(Fault(kind, more.pop("when", self.is_write), **more))

    def answer(self, asked: Asked) -> Answer:
        """Answer one request, or break."""
        with self._lock:
            self.asked.append(asked)
            fault = next((f for f in self.faults if f.times > 0 and f.when(asked)), None)
            if fault is None:
                return self.respond(asked)
            fault.times -= 1
            if fault.kind == "status":
                told = self.failed(fault.status)
                return Answer(told.status, told.body, {**told.headers, **fault.headers})
            if fault.kind != "before":
                self.keep = fault.keep if fault.kind == "partial" else None
                self.respond(asked)
                self.keep = None
        self._ended.wait(fault.seconds)
        raise Cut

    def paged(self, entries: list[Any], number: int, size: int) -> list[Any]:
        """Return one page, with the trouble of pages that shift while they are read."""
        size = min(size, self.page_limit)
        page = entries[(number - 1) * size : number * size]
        if self.paging == "doubled" and number > 1 and page:
            return [entries[(number - 1) * size - 1], *page]
        if self.paging == "missing" and page:
            self.paging = ""
            return page[1:]
        return page

    def written(self, host: str) -> str:
        """Return a target as this server keeps it, given as it always does."""
        if not self.is_odd:
            return host
        return host.removesuffix(".").upper() if host.endswith(".") else f"{host.upper()}."

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that hang up are what these tests are about."""


def _handler(fake: FakeServer) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

        def do_any(self) -> None:
            """Answer one request of any method."""
            parts = urlsplit(self.path)
            length = int(self.headers.get("content-length") or 0)
            asked = Asked(
                self.command,
                unquote(parts.path),
                dict(parse_qsl(parts.query, keep_blank_values=True)),
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(length),
            )
            try:
                answer = fake.answer(asked)
            except Cut:
                self.close_connection = True
                return
            except Exception as error:
                fake.broken.append(f"{asked.method} {asked.path}: {error!r}"[:2000])
                answer = Answer(HTTPStatus.NOT_IMPLEMENTED)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_any  # noqa: N815  # the library's names

    return Handler
