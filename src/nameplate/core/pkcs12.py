"""PKCS #12 files (RFC 7292): read with bounded work, whatever a file asks for.

A file says itself how many rounds of key derivation opening it takes, and may hide a second key inside
an encrypted part, with rounds of its own. So the rounds that are told in the clear are added up first,
and the part with the key is put in front: the library opens the first key that it meets, and no other.
The integrity code of the file fits no more then, so that it is checked here: what is encrypted can be
damaged in a way that leaves a certificate, and another one.
"""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import pkcs12

from nameplate.core.errors import Invalid
from nameplate.core.secret import Secret

MAX_FILE = 64 * 1024
"""Bytes."""
MAX_ROUNDS = 150_000
"""Rounds of key derivation of all parts together: some 40 ms."""

_SEQUENCE, _INTEGER, _OCTETS, _OBJECT, _EXPLICIT = 0x30, 0x02, 0x04, 0x06, 0xA0
_DATA = bytes.fromhex("06092a864886f70d010701")
_KEY_BAGS = (
    bytes.fromhex("060b2a864886f70d010c0a0101"),
    bytes.fromhex("060b2a864886f70d010c0a0102"),
)
"""keyBag and pkcs8ShroudedKeyBag."""
_DERIVED = (b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c", b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01")
"""PBKDF2, and the derivation of PKCS #12 itself (its last number says which cipher)."""
_DIGESTS = {
    bytes.fromhex("2b0e03021a"): "sha1",
    bytes.fromhex("608648016503040201"): "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}
_CODE_COST = 3
"""A round for the integrity code is done here, and takes so much longer than one of the library."""
_SCRYPT = bytes.fromhex("2b06010401da47040b")
_MAX_DEPTH = 12


def read(file: bytes, password: Secret | None) -> tuple[object, list[x509.Certificate]]:
    """Return the private key and the certificates of a file, in no order.

    Raises `Invalid` with `pkcs12_malformed`, `pkcs12_slow`, `password_wrong`, `bundle_too_large`.
    """
    if len(file) > MAX_FILE:
        raise Invalid("bundle_too_large", f"A file has at most {MAX_FILE // 1024} KiB.")
    try:
        parts = _parts(file)
        code = _code(file)
        rounds = sum(count for part in parts for count in _rounds(part))
        rounds += _CODE_COST * code.rounds if code is not None else 0
    except (ValueError, IndexError, RecursionError):
        raise _malformed() from None
    check_rounds(rounds)
    with_key = [one for one in parts if _has_key(one)]
    if not with_key:
        raise Invalid(
            "key_missing",
            "The PKCS #12 file has no private key where it can be found. Export it together with its key.",
        )
    first = with_key[0]
    inner = _tagged(_SEQUENCE, first + b"".join(one for one in parts if one is not first))
    wrapped = _tagged(_SEQUENCE, _DATA + _tagged(_EXPLICIT, _tagged(_OCTETS, inner)))
    whole = _tagged(_SEQUENCE, b"\x02\x01\x03" + wrapped)
    given = None if password is None else password.reveal().encode()
    if code is not None and not code.fits(password):
        raise _unopened()
    try:
        key, leaf, others = pkcs12.load_key_and_certificates(whole, given)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _unopened() from None
    return key, [one for one in (leaf, *others) if one is not None]


def rounds_of(der: bytes) -> int:
    """Return how many rounds of key derivation an encrypted key asks for. Raises `Invalid`."""
    try:
        return sum(_rounds(der))
    except (ValueError, IndexError, RecursionError):
        raise Invalid("key_malformed", "The private key cannot be read. Expected PEM.") from None


def check_rounds(rounds: int) -> None:
    """Raise `Invalid` with `pkcs12_slow` for more rounds than a request may take."""
    if rounds > MAX_ROUNDS:
        raise Invalid(
            "pkcs12_slow",
            f"Opening it takes {min(rounds, 2**63):,} rounds of key derivation, and at most "
            f"{MAX_ROUNDS:,} are done. Export it again with fewer, or without a password.",
        )


@dataclass(frozen=True, slots=True)
class _IntegrityCode:
    """What RFC 7292 section 4 calls MacData: a keyed digest of everything else in the file."""

    digest: str
    """Name of the digest, as `hashlib` has it."""
    value: bytes
    salt: bytes
    rounds: int
    content: bytes

    def fits(self, password: Secret | None) -> bool:
        """Tell whether the content is what was written with this password."""
        text = "" if password is None else password.reveal()
        forms = [text.encode("utf-16-be") + b"\0\0", *([b""] if not text else [])]
        return any(hmac.compare_digest(self._of(one), self.value) for one in forms)

    def _of(self, password: bytes) -> bytes:
        """Derive the key (RFC 7292 appendix B.2, for a key as long as the digest) and use it."""
        block = hashlib.new(self.digest).block_size
        key = b"\3" * block + _filled(self.salt, block) + _filled(password, block)
        for _ in range(self.rounds):
            key = hashlib.new(self.digest, key).digest()
        return hmac.digest(key, self.content, self.digest)


def _filled(text: bytes, block: int) -> bytes:
    """Repeat a text to whole blocks."""
    size = -(-len(text) // block) * block
    return (text * (size // len(text) + 1))[:size] if text else b""


def _code(file: bytes) -> _IntegrityCode | None:
    """Return the integrity code of a file; None without one, or with one of another kind (RFC 9579)."""
    ((_, body, _),) = list(_items(file))
    _, safe, *more = list(_items(body))
    if not more:
        return None
    told, salt, *count = list(_items(more[0][1]))
    algorithm, value = list(_items(told[1]))
    name = _DIGESTS.get(next(_items(algorithm[1]))[1])
    if name is None:
        return None
    rounds = int.from_bytes(count[0][1], "big") if count else 1
    return _IntegrityCode(name, value[1], salt[1], rounds, _octets(safe[2]))


def _parts(file: bytes) -> list[bytes]:
    """Return the content infos of a file, each as it is encoded."""
    ((tag, body, _),) = list(_items(file))
    version, safe, *_ = list(_items(body))
    if tag != _SEQUENCE or version[1] != b"\x03":
        raise ValueError("no PFX of version 3")
    found = [raw for _, inner, _ in _items(_octets(safe[2])) for _, _, raw in _items(inner)]
    if not found:
        raise ValueError("nothing in it")
    return found


def _octets(info: bytes) -> bytes:
    """Return the content of a ContentInfo of type data."""
    ((_, body, _),) = list(_items(info))
    kind, explicit = list(_items(body))
    if kind[2] != _DATA or explicit[0] != _EXPLICIT:
        raise ValueError("signed, or encrypted as a whole")
    ((tag, content, _),) = list(_items(explicit[1]))
    if tag != _OCTETS:
        raise ValueError("no octets")
    return content


def _has_key(part: bytes) -> bool:
    """Tell whether a part that is not encrypted holds a key."""
    try:
        bags = list(_items(_octets(part)))
        return any(bag.startswith(_KEY_BAGS) for _, inner, _ in bags for _, bag, _ in _items(inner))
    except (ValueError, IndexError):
        return False


def _rounds(der: bytes, depth: int = 0) -> Iterator[int]:
    """Yield the rounds of every key derivation that is told in the clear."""
    if depth > _MAX_DEPTH:
        raise ValueError("too deep")
    for tag, body, _ in _items(der):
        if tag in {_SEQUENCE, 0x31, _EXPLICIT}:
            inner = list(_items(body))
            if inner and inner[0][0] == _OBJECT:
                yield from _derivation(inner)
            yield from _rounds(body, depth + 1)
        elif tag == _OCTETS and body[:1] == bytes([_SEQUENCE]):
            try:
                inside = list(_rounds(body, depth + 1))
            except (ValueError, IndexError):
                continue  # ciphertext that only looks like a structure
            yield from inside


def _derivation(inner: list[tuple[int, bytes, bytes]]) -> Iterator[int]:
    name = inner[0][1]
    if name == _SCRYPT:
        yield 2**63
    if name.startswith(_DERIVED) and len(inner) > 1:
        numbers = [body for tag, body, _ in _items(inner[1][1]) if tag == _INTEGER]
        yield max((int.from_bytes(one, "big") for one in numbers[:1]), default=1)


def _items(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield tag, content and whole encoding of every element. Raises `ValueError`, `IndexError`."""
    at = 0
    while at < len(data):
        begun, tag, size = at, data[at], data[at + 1]
        at += 2
        if size & 0x80:
            count = size & 0x7F
            if not 1 <= count <= 4:  # noqa: PLR2004 - more octets than any file has, or no length
                raise ValueError("no definite length")
            size = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + size > len(data):
            raise ValueError("cut off")
        at += size
        yield tag, data[at - size : at], data[begun:at]


def _tagged(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:  # noqa: PLR2004 - the short form (X.690 section 8.1.3)
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _malformed() -> Invalid:
    return Invalid("pkcs12_malformed", "The file is not a PKCS #12 file that can be read.")


def _unopened() -> Invalid:
    return Invalid(
        "password_wrong", "The password does not open the PKCS #12 file, or the file is damaged."
    )
