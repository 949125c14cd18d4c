"""Secrets at rest: AES-256-GCM, bound to the row they stand in, under keys that can be replaced.

Each secret has a data key of its own, which a key of the ring wraps. Rotation therefore wraps the
data keys again and touches no secret. A sealed value reads

    v1:<key id>:<nonce and wrapped data key>:<nonce and ciphertext>

with both binary parts in unpadded base64url. Both carry the place as additional data: a value
copied to another row, column or organization does not open.
"""

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from nameplate.core.errors import Invalid, Refused
from nameplate.core.secret import Secret

KEY_BYTES = 32

_VERSION = "v1"
_NONCE_BYTES = 12
_TAG_BYTES = 16
_WRAPPED_BYTES = _NONCE_BYTES + KEY_BYTES + _TAG_BYTES
_MIN_DISTINCT = 8
_KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True)
class Place:
    """The one database cell that a secret belongs to."""

    table: str
    column: str
    organization_id: int | None
    """None for a row that belongs to the platform."""
    row_id: int | str
    """What identifies the row for good, known before the row is written."""

    def additional_data(self) -> bytes:
        """Return the place with each part's length in front, so that no two places read alike."""
        parts = (
            "nameplate",
            _VERSION,
            self.table,
            self.column,
            "" if self.organization_id is None else str(self.organization_id),
            str(self.row_id),
        )
        return b"".join(len(part).to_bytes(4, "big") + part for part in map(str.encode, parts))


@dataclass(frozen=True, slots=True, repr=False)
class HeldKeys:
    """The keys at one moment, and which of them seals."""

    keys: Mapping[str, bytes]
    primary: str


class KeyRing:
    """The keys that protect stored secrets: the primary seals, every one opens.

    The keys themselves are not reachable from outside and do not print or pickle.
    """

    __slots__ = ("_held",)

    def __init__(self, keys: Mapping[str, bytes], primary: str) -> None:
        """Keep 32-byte `keys` by id; `primary` is the id of the key that seals.

        Raises Invalid `keyring_malformed`, `keyring_weak`.
        """
        if primary not in keys:
            raise Invalid("keyring_malformed", "The primary key is not in the key ring.")
        for number, (key_id, key) in enumerate(keys.items(), 1):
            if not _KEY_ID.fullmatch(key_id):
                raise Invalid(
                    "keyring_malformed",
                    f"The id of key {number} must be 1 to 32 letters, digits, hyphens or "
                    "underscores.",
                )
            if len(key) != KEY_BYTES:
                raise Invalid(
                    "keyring_weak", f"Key {number} must have {KEY_BYTES} bytes, not {len(key)}."
                )
            if len(set(key)) < _MIN_DISTINCT:
                raise Invalid("keyring_weak", f"Key {number} is not random. Generate a new one.")
        self._held = HeldKeys(dict(keys), primary)

    def take(self, other: "KeyRing") -> None:
        """Hold the keys of another ring from now on."""
        self._held = other._held  # noqa: SLF001 - of the same class

    @property
    def primary(self) -> str:
        """The id of the key that seals."""
        return self._current().primary

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of all keys, in the order of the ring."""
        return tuple(self._current().keys)

    def check_value(self, key: str) -> str:
        """Return what tells this key from any other of the same id, and gives nothing of it away.

        Raises Refused `key_unknown`.
        """
        return self.derive("check", key=key).hex()

    def seal(self, secret: Secret, place: Place) -> str:
        """Return `secret` encrypted for `place`, under a new data key."""
        data_key = AESGCM.generate_key(KEY_BYTES * 8)
        text = secret.reveal().encode("utf-8", "surrogatepass")
        payload = _encrypted(data_key, text, place.additional_data())
        return _wrapped(self._current(), data_key, place) + ":" + _base64(payload)

    def open(self, sealed: str, place: Place) -> Secret:
        """Return the secret of a value that was sealed for this very `place`.

        Raises Invalid `ciphertext_malformed`, Refused `key_unknown` when the ring lacks its key,
        Refused `ciphertext_moved_or_damaged` when it belongs elsewhere or was changed.
        """
        data_key, payload = self._unwrapped(sealed, place)
        text = _decrypted(data_key, _bytes(payload), place.additional_data())
        return Secret(text.decode("utf-8", "surrogatepass"))

    def rewrap(self, sealed: str, place: Place) -> str:
        """Return `sealed` with its data key under the primary; the same text if it already is.

        The secret itself stays encrypted. Raises as `open` does.
        """
        data_key, payload = self._unwrapped(sealed, place)
        held = self._current()
        if key_id(sealed) == held.primary:
            return sealed
        return _wrapped(held, data_key, place) + ":" + payload

    def derive(self, label: str, *, key: str | None = None) -> bytes:
        """Return 32 bytes for one purpose (HKDF, RFC 5869), from the primary or the named key.

        Every purpose has its own `label`, so that no key serves two. Raises Refused `key_unknown`.
        """
        held = self._current()
        found = held.keys[held.primary] if key is None else self._key(key)
        return _derived(found, f"derive|{label}")

    def _current(self) -> HeldKeys:
        """Return the keys as they are now."""
        return self._held

    def _renewed(self) -> HeldKeys:
        """Return the keys, read again from where they come from."""
        return self._held

    def _key(self, key_id: str) -> bytes:
        """Return the key of this id, which may have been added since the ring was read."""
        found = self._current().keys.get(key_id) or self._renewed().keys.get(key_id)
        if found is None:
            raise Refused(
                "key_unknown",
                "The key that sealed this value is not in the key ring. Add it to the ring "
                "as an old key.",
            )
        return found

    def _unwrapped(self, sealed: str, place: Place) -> tuple[bytes, str]:
        """Return the data key and the payload, the latter still as text."""
        identity, wrapped, payload = _split(sealed)
        wrapping = _derived(self._key(identity), "wrap")
        raw = _bytes(wrapped)
        if len(raw) != _WRAPPED_BYTES:
            raise _malformed()
        return _decrypted(wrapping, raw, place.additional_data()), payload

    def __repr__(self) -> str:
        """Return the ids, never a key."""
        return f"KeyRing({', '.join(self._held.keys)})"

    def __reduce__(self) -> NoReturn:
        """Refuse pickling and copying."""
        raise TypeError("a KeyRing cannot be pickled or copied")


def _wrapped(held: HeldKeys, data_key: bytes, place: Place) -> str:
    """Return version, key id and `data_key` wrapped by the primary."""
    wrapped = _encrypted(
        _derived(held.keys[held.primary], "wrap"), data_key, place.additional_data()
    )
    return f"{_VERSION}:{held.primary}:{_base64(wrapped)}"


def key_id(sealed: str) -> str:
    """Return the id of the key that wraps `sealed`. Raises Invalid `ciphertext_malformed`."""
    return _split(sealed)[0]


def prefix(key_id: str) -> str:
    """Return what every value begins with whose data key this key wraps, and no other value."""
    return f"{_VERSION}:{key_id}:"


def _split(sealed: str) -> tuple[str, str, str]:
    """Return key id, wrapped data key and payload."""
    version, *parts = sealed.split(":")
    if version != _VERSION or len(parts) != 3 or not _KEY_ID.fullmatch(parts[0]):  # noqa: PLR2004 - the three named above
        raise _malformed()
    return parts[0], parts[1], parts[2]


def _derived(key: bytes, purpose: str) -> bytes:
    """Return the key of one purpose (RFC 5869). The ring's keys themselves encrypt nothing."""
    info = f"nameplate|{_VERSION}|{purpose}".encode()
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(key)


def _encrypted(key: bytes, text: bytes, additional_data: bytes) -> bytes:
    """Return a random nonce followed by the ciphertext and its tag."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, text, additional_data)


def _decrypted(key: bytes, text: bytes, additional_data: bytes) -> bytes:
    """Return the plain bytes behind nonce, ciphertext and tag."""
    if len(text) < _NONCE_BYTES + _TAG_BYTES:
        raise _malformed()
    try:
        return AESGCM(key).decrypt(text[:_NONCE_BYTES], text[_NONCE_BYTES:], additional_data)
    except InvalidTag:
        raise Refused(
            "ciphertext_moved_or_damaged",
            "This secret does not belong to this row, or was changed. Store it again.",
        ) from None


def _base64(raw: bytes) -> str:
    """Return unpadded base64url (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _bytes(text: str) -> bytes:
    """Return the bytes of unpadded base64url, of which only the canonical spelling counts."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _malformed() from None
    if _base64(raw) != text:
        raise _malformed()
    return raw


def _malformed() -> Invalid:
    return Invalid("ciphertext_malformed", "Not a sealed value. Store the secret again.")
