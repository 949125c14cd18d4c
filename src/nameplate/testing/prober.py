"""What every `Prober` must do, before a real proxy and before servers that misbehave."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import ClassVar

from nameplate.ports.prober import Failure, Prober, ProbeResult, ProbeTarget

_OK = 200
_SECRET = b"X-What-The-Other-Side-Wrote"


class ProberConformance:
    """Subclass it with fixtures `prober`, `served` and `unserved`.

    `served` is an HTTPS target that answers 200, with the serial number of its certificate; `unserved` a
    host name for which the same server has no certificate. The prober must be allowed to connect to
    127.0.0.1.
    """

    patience: ClassVar[float] = 0.5
    """Seconds that a look at a silent server is given."""

    def test_sees_the_certificate_and_the_answer(self, prober: Prober, served: ProbeTarget) -> None:
        """Everything that a visitor would get, without checking who signed it."""
        seen = prober.look(served)
        assert (seen.failure, seen.status, seen.connected) == (None, _OK, True)
        assert seen.target == served
        assert seen.serial_matches
        assert seen.answered
        assert len(seen.fingerprint or "") == len("00") * 32
        assert len(seen.body_sha256) == len("00") * 32
        assert seen.seconds > 0

    def test_another_certificate_is_no_answer(self, prober: Prober, served: ProbeTarget) -> None:
        """The answer came, from a server with an old or a foreign certificate."""
        seen = prober.look(replace(served, expected_serial="1"))
        assert (seen.failure, seen.status) == (None, _OK)
        assert not seen.serial_matches
        assert not seen.answered

    def test_a_name_without_certificate(
        self, prober: Prober, served: ProbeTarget, unserved: str
    ) -> None:
        """The name goes into SNI: the server has nothing to present for this one."""
        seen = prober.look(replace(served, hostname=unserved))
        assert (seen.failure, seen.connected, seen.status) == (Failure.TLS_FAILED, True, None)
        assert seen.message

    def test_many_are_in_the_order_of_the_targets(
        self, prober: Prober, served: ProbeTarget, unserved: str
    ) -> None:
        """Good and bad together; one does not spoil another."""
        other = replace(served, hostname=unserved)
        targets = [served, other, served, served, other] * 4
        seen = prober.look_many(targets)
        assert [one.target for one in seen] == targets
        assert [one.status for one in seen] == [_OK, None, _OK, _OK, None] * 4
        assert list(prober.look_many([])) == []

    def test_nobody_listens(self, prober: Prober) -> None:
        """A refused connection is told from a handshake that failed."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        seen = prober.look(_plain(port))
        assert (seen.failure, seen.connected) == (Failure.CONNECTION_FAILED, False)

    def test_an_address_that_is_none(self, prober: Prober) -> None:
        """What cannot be resolved is a value too."""
        seen = prober.look(ProbeTarget(f"{'x' * 64}.localhost", 443, "a.test"))
        assert (seen.failure, seen.connected) == (Failure.UNRESOLVED, False)

    def test_the_request_is_the_visitors(self, prober: Prober) -> None:
        """One GET for this path, with this Host."""
        with _answering(b"HTTP/1.1 204 No Content\r\n\r\n") as (port, received):
            seen = prober.look(replace(_plain(port), path="/x?y"))
        assert (seen.failure, seen.status) == (None, 204)
        assert received[0].startswith(b"GET /x?y HTTP/1.1\r\n")
        assert b"\r\nhost: a.test\r\n" in received[0].lower()

    def test_what_is_no_answer_is_not_repeated(self, prober: Prober) -> None:
        """The failure has its name, and the message has no byte of what was sent."""
        for sent, failure in (
            (b"", Failure.CLOSED),
            (b"HTTP/1.1 200 OK\r\n", Failure.CLOSED),
            (_SECRET + b"\r\n\r\n", Failure.MALFORMED),
            (b"HTTP/1.1 200 OK\r\n" + (_SECRET + b": y\r\n") * 20_000 + b"\r\n", Failure.MALFORMED),
        ):
            with _answering(sent) as (port, _):
                seen = prober.look(_plain(port))
            assert (seen.failure, seen.status) == (failure, None), sent[:40]
            assert seen.message
            assert _SECRET.decode() not in seen.message

    def test_text_that_would_be_more_than_a_request_is_not_sent(self, prober: Prober) -> None:
        """Neither host nor path can add a header."""
        for target in (_plain(0, "a.test\r\nX: y"), replace(_plain(0), path="/ HTTP/1.1\r\nX: y")):
            with _answering(b"HTTP/1.1 200 OK\r\n\r\n") as (port, received):
                seen = prober.look(replace(target, port=port))
            assert seen.failure is Failure.MALFORMED
            assert b"".join(received) == b""

    def test_a_silent_server_meets_the_deadline_of_the_target(self, prober: Prober) -> None:
        """Nothing is sent after the connection, with and without TLS; many wait together."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            plain = replace(_plain(silent.getsockname()[1]), timeout=self.patience)
            started = time.monotonic()
            seen: list[ProbeResult] = [prober.look(plain)]
            seen += prober.look_many([replace(plain, scheme="https"), *[plain] * 10])
            passed = time.monotonic() - started
        assert {(one.failure, one.connected) for one in seen} == {(Failure.TIMEOUT, True)}
        assert passed < self.patience * 6


def _plain(port: int, hostname: str = "a.test") -> ProbeTarget:
    return ProbeTarget("127.0.0.1", port, hostname, scheme="http")


@contextmanager
def _answering(sent: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Answer one connection with `sent` and close it; give the port and what was received."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def answer() -> None:
            with suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    received.append(connection.recv(65536))
                    connection.sendall(sent)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield listener.getsockname()[1], received
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()
