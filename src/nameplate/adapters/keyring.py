"""Where the key ring comes from: a file that only its owner can read, or the environment.

Both hold one key per line (or comma), `id:base64 of 32 random bytes`, the primary first.
"""

import base64
import binascii
import contextlib
import fcntl
import logging
import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from nameplate.core.encryption import KEY_BYTES, HeldKeys, KeyRing
from nameplate.core.errors import Conflict, Invalid, NameplateError, Refused
from nameplate.core.secret import Secret

log = logging.getLogger(__name__)

_MAX_FILE = 64 * 1024
_PRIVATE = 0o600
_SECRET_BYTES = 32


def load(path: Path | None, text: str | None) -> KeyRing:
    """Return the key ring of `text` (an environment variable's value), or else of the file.

    Raises Refused `keyring_missing`, `keyring_unreadable`, `keyring_exposed` (others can read the
    file), Invalid `keyring_malformed`, `keyring_weak`. No message contains a part of a key.
    """
    if text:
        return _parsed(text, "the environment")
    if path is None:
        raise Refused(
            "keyring_missing",
            "There is no key ring. Set NAMEPLATE_KEYRING_FILE to the key file, or "
            "NAMEPLATE_KEYRING to its content.",
        )
    return _parsed(read_private(path), str(path))


class FileKeyRing(KeyRing):
    """The keys of a file, which is read again when it has changed or a value names an unknown key.

    A file that cannot be read changes nothing: the keys that were read last stay.
    """

    __slots__ = ("_path", "_seen")

    def __init__(self, path: Path) -> None:
        """Read the file. Raises as `load` does."""
        self._path = path
        self._seen = _signature(path)
        self.take(load(path, None))

    def _current(self) -> HeldKeys:
        signature = _signature(self._path)
        return self._held if signature in {None, self._seen} else self._renewed()

    def _renewed(self) -> HeldKeys:
        self._seen = _signature(self._path)
        try:
            self.take(load(self._path, None))
        except NameplateError as error:
            log.warning("keyring_not_read", extra={"code": error.code, "reason": error.detail})
        return self._held


def _signature(path: Path) -> tuple[int, ...] | None:
    """Return what changes with the file; None when it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def first(path: Path) -> KeyRing:
    """Make the file with one new key and return the ring. Raises Conflict `keyring_exists`."""
    if path.exists():
        raise Conflict("keyring_exists", f"The key file {path} already exists.")
    return create(path)


def create(path: Path) -> KeyRing:
    """Return the key ring of the file, which is made with one new key when it does not exist.

    Of processes that race one file wins and all load that one. Raises as `load` does.
    """
    if not path.exists():
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _written(path, _new_line()) as complete, contextlib.suppress(FileExistsError):
                os.link(complete, path)  # unlike a rename, fails when another one was faster
        except OSError as error:
            raise _unreadable(path, error) from None
    return load(path, None)


def shared_secret(path: Path) -> Secret:
    """Return the secret in a private file, which is made at random when it does not exist.

    Raises `Refused` as `load` does, and Invalid `keyring_weak` for a file that is as good as empty.
    """
    if not path.exists():
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            made = secrets.token_urlsafe(_SECRET_BYTES)
            with _written(path, f"{made}\n") as complete, contextlib.suppress(FileExistsError):
                os.link(complete, path)
        except OSError as error:
            raise _unreadable(path, error) from None
    found = read_private(path).strip()
    if len(found) < _SECRET_BYTES:
        raise Invalid("keyring_weak", f"The secret in {path} has fewer than 32 characters.")
    return Secret(found)


def add_key(path: Path) -> KeyRing:
    """Put a new primary in front of the file's keys, all of which stay, and return the ring.

    The file is replaced as a whole: a crash leaves the old or the new one. Raises as `load` does.
    """
    return _replaced(path, lambda present: _new_line() + present)


def drop_keys(path: Path, key_ids: Collection[str]) -> KeyRing:
    """Remove these keys from the file, but never the primary, and return the ring.

    What they sealed cannot be opened any more. A crash leaves the old or the new file. Raises as
    `load` does.
    """

    def kept(present: str) -> str:
        primary, *others = _entries(present)
        return "".join(
            f"{entry}\n" for entry in (primary, *others)
            if entry is primary or entry.partition(":")[0] not in key_ids
        )  # fmt: skip

    return _replaced(path, kept)


def _replaced(path: Path, change: Callable[[str], str]) -> KeyRing:
    path = path.resolve()  # the file behind a link is replaced, not the link
    with _locked(path):
        present = read_private(path)
        _parsed(present, str(path))
        try:
            with _written(path, change(present)) as complete:
                complete.replace(path)
                _sync(path.parent)
        except OSError as error:
            raise _unreadable(path, error) from None
    return load(path, None)


def _new_line() -> str:
    """Return a new random key with a random id, as the file holds it."""
    key = base64.b64encode(os.urandom(KEY_BYTES)).decode("ascii")
    return f"k{os.urandom(4).hex()}:{key}\n"


def read_private(path: Path) -> str:
    """Return the text of a key file that nobody else can read. Raises `Refused` as `load` does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe must not block the start
        try:
            _check_private(path, os.fstat(descriptor))  # the open file: nobody can swap it
            content = os.read(descriptor, _MAX_FILE + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise Refused(
            "keyring_missing",
            f"The key file {path} does not exist. Restore it from a backup. For a new installation "
            "run `nameplate keys init`.",
        ) from None
    except OSError as error:
        raise _unreadable(path, error) from None
    if len(content) > _MAX_FILE:
        raise Invalid("keyring_malformed", f"The key file {path} is too large.")
    try:
        return content.decode("ascii")
    except UnicodeDecodeError:
        raise Invalid("keyring_malformed", f"The key file {path} is not plain text.") from None


def _check_private(path: Path, status: os.stat_result) -> None:
    """Refuse what is not a regular file, or lets its group or everybody do anything."""
    if not stat.S_ISREG(status.st_mode):
        raise Refused("keyring_unreadable", f"{path} is not a regular file.")
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Refused(
            "keyring_exposed", f"Other users can read the key file {path}. Run `chmod 600 {path}`."
        )


def _parsed(text: str, source: str) -> KeyRing:
    """Return the key ring of the entries of `text`."""
    keys: dict[str, bytes] = {}
    for number, entry in enumerate(_entries(text), 1):
        key_id, colon, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            colon = ""
        if not colon:
            raise Invalid(
                "keyring_malformed", f"Expected `id:base64` for key {number} in {source}."
            )
        if key_id in keys:
            raise Invalid("keyring_malformed", f"Key {number} in {source} repeats an id.")
        keys[key_id] = key
    if not keys:
        raise Invalid("keyring_malformed", f"There is no key in {source}.")
    try:
        return KeyRing(keys, next(iter(keys)))
    except Invalid as error:
        raise Invalid(error.code, f"{error.detail} Source: {source}.") from None


def _entries(text: str) -> list[str]:
    return [entry.strip() for entry in text.replace(",", "\n").splitlines() if entry.strip()]


@contextlib.contextmanager
def _written(path: Path, text: str) -> Iterator[Path]:
    """Write `text` to a private file beside `path`, durably; remove what is left of it after."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600, O_EXCL
    complete = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            os.fchmod(handle, _PRIVATE)
            if os.geteuid() == 0 and path.exists():  # root must not take the file from its owner
                owner = path.stat()
                os.fchown(handle, owner.st_uid, owner.st_gid)
            file.write(text)
            file.flush()
            os.fsync(handle)
        yield complete
    finally:
        complete.unlink(missing_ok=True)
    _sync(path.parent)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the folder's lock, so that two processes that add a key keep each other's."""
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise _unreadable(path, error) from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _sync(folder: Path) -> None:
    """Make a new name in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unreadable(path: Path, error: OSError) -> Refused:
    return Refused("keyring_unreadable", f"Cannot use the key file {path}: {error.strerror}.")
