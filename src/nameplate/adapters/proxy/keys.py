"""Certificates and private keys as files of a folder that only their owner can read."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509 import load_pem_x509_certificates

from nameplate.adapters.proxy.folder import sync
from nameplate.adapters.proxy.remembered import FolderMemory
from nameplate.adapters.proxy.sites import Site
from nameplate.core.errors import NameplateError
from nameplate.core.secret import Secret
from nameplate.ports.proxy import Config, KeyPair, LaterKeyPair, RouteRefused

FOLDER = "certs"
_BLOCK = r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----"
_READ, _SHUT = 0o750, 0o700
_SINGLY = 32
"""Files that are made durable one by one; beyond that the disk is waited for once."""
_BUNDLE = re.compile(rf"\s*(?:{_BLOCK}\s*)+")


def stem(key_pair: KeyPair) -> str:
    """Return the file name without ending: Nameplate's id and a digest, never a tenant's text.

    The digest makes a name immutable: another certificate is another file, so that the running
    configuration never changes under the proxy.
    """
    return f"{FOLDER}/{key_pair.name}"


def files(
    sites: Sequence[Site],
) -> tuple[dict[str, bytes], dict[str, Secret], dict[str, tuple[str, ...]]]:
    """Return the files, the secrets and the owners (see `Config`) for the sites' key pairs."""
    public: dict[str, bytes] = {}
    secret: dict[str, Secret] = {}
    owners: dict[str, tuple[str, ...]] = {}
    for site in sites:
        if site.key_pair is None:
            continue
        name = stem(site.key_pair)
        if not isinstance(site.key_pair, LaterKeyPair):
            public[f"{name}.crt"] = site.key_pair.bundle.encode()
        secret[f"{name}.key"] = site.key_pair.private_key
        owners[f"{name}.crt"] = owners.get(f"{name}.crt", ()) + site.route_ids
    return public, secret, owners


def later(sites: Sequence[Site]) -> dict[str, Callable[[], bytes]]:
    """Return what reads the certificates that were not read, by the names of their files."""
    return {
        f"{stem(pair)}.crt": partial(_read_later, pair)
        for pair in (site.key_pair for site in sites)
        if isinstance(pair, LaterKeyPair)
    }


def _read_later(pair: LaterKeyPair) -> bytes:
    return pair.bundle.encode()


def check(bundle: bytes, private_key: Secret) -> str:
    """Return what is wrong with a key pair, in words for a person; empty when it can be served."""
    if not _BUNDLE.fullmatch(bundle.decode(errors="replace")):
        return "The bundle contains something other than PEM certificates."
    try:
        leaf = load_pem_x509_certificates(bundle)[0]
        key = load_pem_private_key(
            private_key.reveal().encode(), password=None, unsafe_skip_rsa_key_validation=True
        )
        form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if key.public_key().public_bytes(*form) != leaf.public_key().public_bytes(*form):
            return "The private key does not belong to the certificate."
    except (ValueError, TypeError, UnsupportedAlgorithm):  # their text may quote the input
        return "The certificate or its private key cannot be read."
    return ""


def write(folder: Path, config: Config, readers: int | None = None) -> None:
    """Write the key pairs that are not there yet; the content of those that are there is never touched.

    `readers` is the group that may read them beside their owner, until `shut`. Raises `RouteRefused` for a pair that
    no proxy could serve, before anything of it is written.
    """
    target = folder / FOLDER
    target.mkdir(mode=_SHUT, exist_ok=True)
    there = _LISTED.look(target).whole
    if not config.secrets.keys() <= there:
        missing = config.secrets.keys() - there
        fresh: dict[Path, bytes] = {}
        for name in sorted(missing):
            certificate = f"{name.removesuffix('.key')}.crt"
            bundle = config.content(certificate)
            key = usable(bundle, config.secrets[name], config.owners.get(certificate, ()))
            fresh |= {folder / certificate: bundle, folder / name: key.encode()}
        with _LISTED.changing(target) as listing:
            place_all(fresh, readers)
            listing.add(missing)
    if readers is not None:
        _let_in(target, readers)


def usable(bundle: bytes, private_key: Secret, owners: Sequence[str]) -> str:
    """Return the private key of a pair that can be served. Raises `RouteRefused` for its owners."""
    try:
        wrong = check(bundle, private_key)
    except NameplateError as error:  # a sealed key that cannot be opened
        wrong = error.detail
    if wrong:
        raise RouteRefused("key_pair_invalid", wrong, owners)
    return private_key.reveal()


def present(folder: Path, config: Config) -> bool:
    """Tell whether every key pair of the configuration is on disk."""
    return config.secrets.keys() <= _LISTED.look(folder / FOLDER).whole


def shut(folder: Path) -> None:
    """Let nobody but the owner into the folder of key pairs, once nobody else needs them any more."""
    target = folder / FOLDER
    if target.stat().st_mode & 0o777 != _SHUT:  # a change would be one of the folder
        target.chmod(_SHUT)


def _let_in(target: Path, readers: int) -> None:
    """Let a group of readers into the folder; into the folder last, so that it tells of the files."""
    found = target.stat()
    if (found.st_gid, found.st_mode & 0o777) != (readers, _READ):
        for entry in os.scandir(target):
            os.chown(entry.path, -1, readers)
            os.chmod(entry.path, 0o640)  # noqa: PTH101 - many
        os.chown(target, -1, readers)
        target.chmod(_READ)


class _PairListing:
    """The names in the folder of key pairs, below it as a configuration has them."""

    def __init__(self, names: Iterable[str]) -> None:
        every = {f"{FOLDER}/{name}" for name in names}
        self.whole = {
            name for name in every if name.endswith(".key") and f"{name[:-4]}.crt" in every
        }
        """Keys whose certificate is there too."""
        self.rest = every - self.whole - {f"{name[:-4]}.crt" for name in self.whole}

    def __len__(self) -> int:
        return len(self.whole) + len(self.rest)

    def add(self, whole: Iterable[str]) -> None:
        """Note pairs that were written."""
        self.whole.update(whole)
        self.rest.difference_update(
            {*whole, *(f"{name.removesuffix('.key')}.crt" for name in whole)}
        )

    def remove(self, names: Iterable[str]) -> None:
        """Note that these are not there any more."""
        self.whole.difference_update(names)
        self.rest.difference_update(names)


def _listed(target: Path) -> _PairListing:
    try:
        return _PairListing(os.listdir(target))  # noqa: PTH208 - ten times faster
    except FileNotFoundError:
        return _PairListing(())


_LISTED = FolderMemory(_listed)


def unnamed(folder: Path, config: Config) -> set[str]:
    """Return the files of key pairs that the configuration does not name, which has all of its own there."""
    there = _LISTED.look(folder / FOLDER)
    gone: set[str] = set()
    if len(there.whole) != len(config.secrets):
        gone = there.whole.difference(config.secrets)
    halves = {name for name in there.rest if name.endswith((".crt", ".key", ".pem"))}
    return gone | {f"{name.removesuffix('.key')}.crt" for name in gone} | halves


def sweep(folder: Path, config: Config) -> None:
    """Remove every key pair that the configuration does not name, and what writers that died left."""
    target = folder / FOLDER
    begun = {name for name in _LISTED.look(target).rest if name.startswith(f"{FOLDER}/.")}
    gone = unnamed(folder, config) | begun
    if gone:
        with _LISTED.changing(target) as listing:
            for name in gone:
                (folder / name).unlink(missing_ok=True)
            listing.remove(gone)


def place_all(contents: Mapping[Path, bytes], readers: int | None = None) -> None:
    """Write files of one folder as `place` does; many of them with one wait for the disk."""
    if len(contents) > _SINGLY:
        fresh = {path.with_name(f".{path.name}.{os.getpid()}"): path for path in contents}
        try:
            for new, path in fresh.items():
                new.unlink(missing_ok=True)
                _write(new, contents[path], readers)
            os.sync()
            for new, path in fresh.items():
                new.replace(path)
        finally:
            for new in fresh:
                new.unlink(missing_ok=True)
    else:
        for path, content in contents.items():
            place(path, content, readers)
    for target in {path.parent for path in contents}:
        sync(target)


def place(path: Path, content: bytes, readers: int | None = None) -> None:
    """Write a file of mode 0600, or 0640 for a group, that appears complete or not at all."""
    with placing(path, content, readers):
        pass


@contextmanager
def placing(path: Path, content: bytes, readers: int | None = None) -> Iterator[None]:
    """Do as `place` when the block has ended well: what the disk says is raised before it begins."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    try:
        _write(fresh, content, readers, durably=True)
        yield
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _write(path: Path, content: bytes, readers: int | None, *, durably: bool = False) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        if readers is not None:
            os.fchown(descriptor, -1, readers)
            os.fchmod(descriptor, 0o640)
        file.flush()
        if durably:
            os.fsync(descriptor)
