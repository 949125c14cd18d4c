"""Where tls-alpn-01 is answered (RFC 8737): TLS handshakes that ask for `acme-tls/1`, and nothing else.

The first message is read before anything is said. Whoever asks for another protocol, or for a name of
which no proof is wanted, is hung up on. A connection has ten seconds and 64 KiB, and few are open at
a time, in a thread of their own.
"""

import asyncio
import contextlib
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from nameplate.core.challenge_certificates import PROTOCOL
from nameplate.core.client_hello import HEAD, ClientHello, parse, record_length

SECONDS = 10.0
MAX_CONNECTIONS = 128
_MAX_BYTES = 64 * 1024
_THREADS = 2

Answer = Callable[[ClientHello], bytes | None]
"""Returns key and certificate (PEM) for a first message, None where there is none."""


class ChallengeServer:
    """Answers on one socket until it is stopped."""

    def __init__(self, answer: Answer, listener: socket.socket) -> None:
        """Take what answers, which may ask the database, and where to listen."""
        self._answer = answer
        self._listener = listener
        self._connections: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="nameplate-alpn-answer")
        self._thread = threading.Thread(target=self._run, name="nameplate-alpn-server")

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Hang up, and end."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._threads.shutdown()

    def _run(self) -> None:
        with contextlib.closing(self._loop), self._listener:
            self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, sock=self._listener, limit=_MAX_BYTES)
        await self._stopping.wait()
        # A connection that is taken while the server closes, or whose task is cancelled before it
        # began, leaves its socket open. So nothing is taken any more, tasks that have begun are
        # cancelled, the others see that it stops, and the server is closed when all have ended.
        self._loop.remove_reader(self._listener)
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in self._connections:
                task.cancel()
            await asyncio.wait(others, timeout=0.1)
        server.close()
        await asyncio.sleep(0)  # transports close their sockets one turn later

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())  # a coroutine runs in one
        self._connections.add(task)
        try:
            if len(self._connections) <= MAX_CONNECTIONS and not self._stopping.is_set():
                async with asyncio.timeout(SECONDS):
                    await self._handle(reader, writer)
        except (OSError, EOFError, ValueError):  # what a stranger may cause, TimeoutError among it
            pass
        except asyncio.CancelledError:  # the server stops, and the connection with it
            pass
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(HEAD)
        record = await reader.readexactly(record_length(head))
        hello = parse(record)
        if PROTOCOL not in hello.protocols or not hello.name:
            return
        pem = await self._loop.run_in_executor(self._threads, self._answer, hello)
        if pem is not None:
            await _shake(reader, writer, _context(pem), head + record)


def _context(pem: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols([PROTOCOL])
    with tempfile.NamedTemporaryFile() as file:  # the library reads keys from files only
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context


async def _shake(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    context: ssl.SSLContext,
    first: bytes,
) -> None:
    """Take part in the handshake, and close (RFC 8737 section 3: nothing else is said)."""
    came, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(came, going, server_side=True)
    came.write(first)
    left = _MAX_BYTES
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            await _send(writer, going)
            data = await reader.read(left)
            left -= len(data)
            if not data or left <= 0:
                return
            came.write(data)
        else:
            break
        finally:
            await _send(writer, going)
    with contextlib.suppress(ssl.SSLError):
        tls.unwrap()
    await _send(writer, going)
    writer.write_eof()
    await reader.read(1024)  # what the other side says last, so that nothing is reset before it


async def _send(writer: asyncio.StreamWriter, going: ssl.MemoryBIO) -> None:
    if going.pending:
        writer.write(going.read())
        await writer.drain()
