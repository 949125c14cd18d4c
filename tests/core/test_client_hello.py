"""The first message of real TLS clients is read, and whatever else comes is refused without a trace."""

import random
import ssl

import pytest

from nameplate.core.client_hello import HEAD, ClientHello, parse, record_length


def hello(name: str | None, *protocols: str) -> bytes:
    """Return what OpenSSL says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    came, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(came, going, server_hostname=name).do_handshake()
    return going.read()


@pytest.mark.parametrize(
    ("name", "protocols"),
    [
        ("shop.example.com", ("acme-tls/1",)),
        ("SHOP.example.com", ("acme-tls/1", "h2")),
        ("shop.example.com", ()),
        (None, ("h2", "http/1.1")),
    ],
)
def test_what_openssl_says(name: str | None, protocols: tuple[str, ...]) -> None:
    first = hello(name, *protocols)
    assert record_length(first[:HEAD]) == len(first) - HEAD
    assert parse(first[HEAD:]) == ClientHello((name or "").lower(), protocols)


def test_every_other_text_is_refused_as_such() -> None:
    """Cut anywhere, changed anywhere: a value or a ValueError, never anything else."""
    record = hello("shop.example.com", "acme-tls/1")[HEAD:]
    for end in range(len(record)):
        with pytest.raises(ValueError):
            parse(record[:end])
    chance = random.Random(8737)
    for _ in range(3000):
        changed = bytearray(record)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        try:
            found = parse(bytes(changed))
        except ValueError:
            continue
        assert isinstance(found, ClientHello)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /",
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\xff\xff",
        b"\x15\x03\x01\x00\x40",
        b"\x16\x02\x00\x00\x40",
    ],
)
def test_what_begins_otherwise_is_not_read(head: bytes) -> None:
    with pytest.raises(ValueError):
        record_length(head)
