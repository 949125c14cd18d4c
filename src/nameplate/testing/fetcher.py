"""What every `Fetcher` and `AddressFetcher` must do, before a host that answers what the test says."""

import gzip
from collections.abc import MutableMapping
from typing import ClassVar

from nameplate.ports.fetcher import AddressFetcher, Fetcher, HttpOutcome

RawAnswers = MutableMapping[str, bytes]
"""Path -> all that the host sends when it is asked for it; for other paths it closes."""

_SECRET = b"what the other side wrote"


class FetcherConformance:
    """Subclass it with fixtures `fetcher`, `host`, `raw_answers`, `nowhere` and `inside`.

    `host` is a name that answers plain HTTP with `raw_answers`, byte for byte; `nowhere` a name without
    an address; `inside` a name whose address is one that Nameplate does not connect to.
    """

    elsewhere: ClassVar[str] = "elsewhere.example.net"
    """A name of another site than `host`."""
    redirects: ClassVar[int] = 5
    """How many are followed."""

    def test_a_small_file(self, fetcher: Fetcher, host: str, raw_answers: RawAnswers) -> None:
        """The body, the address that gave it, and the headers in lower case."""
        raw_answers["/file"] = _page(b"hello", "X-Edge: me\r\n")
        got = fetcher.fetch(host, "/file")
        assert (got.category, got.status, got.body) == (HttpOutcome.ANSWERED, 200, b"hello")
        assert got.final_url == f"http://{host}/file"
        assert got.address
        (hop,) = got.hops
        assert hop.headers["x-edge"] == "me"

    def test_only_success_has_a_body(
        self, fetcher: Fetcher, host: str, raw_answers: RawAnswers
    ) -> None:
        """Any status is an answer; the page of an error is read where that is asked for."""
        for status in (404, 500):
            raw_answers["/file"] = _page(_SECRET, status=status)
            got = fetcher.fetch(host, "/file")
            assert (got.category, got.status, got.body) == (HttpOutcome.ANSWERED, status, b"")
            got = fetcher.fetch(host, "/file", any_status=True)
            assert (got.category, got.body) == (HttpOutcome.ANSWERED, _SECRET)

    def test_redirects_within_the_site_are_followed(
        self, fetcher: Fetcher, host: str, raw_answers: RawAnswers
    ) -> None:
        """Every request is told, in order."""
        raw_answers["/a"] = _redirect("/b")
        raw_answers["/b"] = _redirect(f"http://{host}/c")
        raw_answers["/c"] = _page(b"there")
        got = fetcher.fetch(host, "/a")
        assert (got.category, got.body) == (HttpOutcome.ANSWERED, b"there")
        assert [hop.url for hop in got.hops] == [f"http://{host}/{path}" for path in "abc"]

    def test_redirects_elsewhere_are_refused(
        self, fetcher: Fetcher, host: str, raw_answers: RawAnswers
    ) -> None:
        """Another site, scheme or port, or what is no address at all."""
        for target in (
            f"http://{self.elsewhere}/",
            f"http://{host}:8080/",
            "http://127.0.0.1/",
            "file:///etc/passwd",
        ):
            raw_answers["/a"] = _redirect(target)
            got = fetcher.fetch(host, "/a")
            assert got.category is HttpOutcome.REDIRECT_REFUSED, target
            assert len(got.hops) == 1, target

    def test_redirects_have_an_end(
        self, fetcher: Fetcher, host: str, raw_answers: RawAnswers
    ) -> None:
        """A loop, and more of them than are followed."""
        raw_answers["/a"] = _redirect("/a")
        assert fetcher.fetch(host, "/a").category is HttpOutcome.TOO_MANY_REDIRECTS
        for number in range(self.redirects + 1):
            raw_answers[f"/{number}"] = _redirect(f"/{number + 1}")
        raw_answers[f"/{self.redirects + 1}"] = _page(b"end")
        assert fetcher.fetch(host, "/0").category is HttpOutcome.TOO_MANY_REDIRECTS
        assert fetcher.fetch(host, "/1").body == b"end"

    def test_a_body_has_an_end(self, fetcher: Fetcher, host: str, raw_answers: RawAnswers) -> None:
        """Exactly `max_body` bytes are a body; one more is too large, however it is sent."""
        raw_answers["/file"] = _page(b"x" * 100)
        assert fetcher.fetch(host, "/file", max_body=100).body == b"x" * 100
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n"
        for sent in (
            _page(b"x" * 101),
            b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 101,
            chunked + b"x" * 101 + b"\r\n0\r\n\r\n",
        ):
            raw_answers["/file"] = sent
            got = fetcher.fetch(host, "/file", max_body=100)
            assert (got.category, got.body) == (HttpOutcome.TOO_LARGE, b""), sent[:60]

    def test_the_beginning_of_a_page(
        self, fetcher: Fetcher, host: str, raw_answers: RawAnswers
    ) -> None:
        """A longer body is cut, and a redirect not followed, where that is asked for."""
        raw_answers["/"] = _page(b"x" * 5000)
        got = fetcher.fetch(host, "/", max_body=100, truncate=True)
        assert (got.category, got.body) == (HttpOutcome.ANSWERED, b"x" * 100)
        raw_answers["/"] = _redirect("/there")
        raw_answers["/there"] = _page(b"there")
        got = fetcher.fetch(host, "/", redirects=False)
        assert (got.category, len(got.hops)) == (HttpOutcome.REDIRECT_REFUSED, 1)

    def test_a_compressed_body_is_not_unpacked(
        self, fetcher: Fetcher, host: str, raw_answers: RawAnswers
    ) -> None:
        """A few bytes could become any number."""
        raw_answers["/file"] = _page(gzip.compress(b"hello"), "Content-Encoding: gzip\r\n")
        got = fetcher.fetch(host, "/file")
        assert (got.category, got.body) == (HttpOutcome.ENCODED, b"")

    def test_what_is_not_http(self, fetcher: Fetcher, host: str, raw_answers: RawAnswers) -> None:
        """It is told by its category alone."""
        for sent in (b"", _SECRET + b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + _SECRET + b"\r\n\r\n"):
            raw_answers["/file"] = sent
            got = fetcher.fetch(host, "/file")
            assert got.category is HttpOutcome.MALFORMED, sent
            assert _SECRET.decode() not in repr(got)

    def test_a_name_without_address(self, fetcher: Fetcher, nowhere: str) -> None:
        """Nobody was asked."""
        got = fetcher.fetch(nowhere, "/file")
        assert (got.category, got.status, got.address) == (HttpOutcome.NO_ADDRESS, 0, "")

    def test_an_address_inside_is_refused(self, fetcher: Fetcher, inside: str) -> None:
        """What only Nameplate can reach is not reached, over HTTP and HTTPS alike."""
        assert fetcher.fetch(inside, "/file").category is HttpOutcome.ADDRESS_REFUSED
        got = fetcher.fetch(inside, "/file", scheme="https")
        assert (got.category, got.status) == (HttpOutcome.ADDRESS_REFUSED, 0)


class AddressFetcherConformance:
    """Subclass it with fixtures `fetcher`, `raw_answers`, `answering`, `refusing` and `inside`.

    At the address and port `answering` `raw_answers` are sent, byte for byte; nothing listens at those
    of `refusing`; `inside` is an address that Nameplate does not connect to.
    """

    host: ClassVar[str] = "unknown.example.org"
    """A name that has no address of its own."""

    def test_the_address_alone_decides(
        self, fetcher: AddressFetcher, answering: tuple[str, int], raw_answers: RawAnswers
    ) -> None:
        """The host is asked for by its name, wherever DNS leads."""
        raw_answers["/file"] = _page(b"hello")
        address, port = answering
        got = fetcher.fetch_at(address, self.host, "/file", port=port)
        assert (got.category, got.status, got.body) == (HttpOutcome.ANSWERED, 200, b"hello")
        assert got.address == address

    def test_a_redirect_to_the_host_stays_at_the_address(
        self, fetcher: AddressFetcher, answering: tuple[str, int], raw_answers: RawAnswers
    ) -> None:
        """As an authority would, whose look-up of the name is over."""
        raw_answers["/a"] = _redirect("/b")
        raw_answers["/b"] = _page(b"there")
        address, port = answering
        assert fetcher.fetch_at(address, self.host, "/a", port=port).body == b"there"
        raw_answers["/a"] = _redirect("http://other.example.net/b")
        got = fetcher.fetch_at(address, self.host, "/a", port=port)
        assert got.category is HttpOutcome.REDIRECT_REFUSED

    def test_where_nobody_listens(self, fetcher: AddressFetcher, refusing: tuple[str, int]) -> None:
        """It is a value, and there is a route all the same."""
        address, port = refusing
        got = fetcher.fetch_at(address, self.host, "/file", port=port)
        assert (got.category, got.body) == (HttpOutcome.UNREACHABLE, b"")
        assert fetcher.has_route(address)

    def test_an_address_inside_is_refused(self, fetcher: AddressFetcher, inside: str) -> None:
        """Whoever chose the name chose its addresses too."""
        got = fetcher.fetch_at(inside, self.host, "/file")
        assert (got.category, got.status) == (HttpOutcome.ADDRESS_REFUSED, 0)


def _page(body: bytes, headers: str = "", *, status: int = 200) -> bytes:
    head = f"HTTP/1.1 {status} X\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _redirect(target: str) -> bytes:
    return _page(b"", f"Location: {target}\r\n", status=302)
