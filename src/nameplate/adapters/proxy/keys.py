"""Certificates and private keys as files of a folder that only their owner can read."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from nameplate.adapters.proxy.sites import Site
from nameplate.core.errors import NameplateError
from nameplate.core.secret import Secret
from nameplate.ports.proxy import Config, KeyPair, LaterKeyPair, RouteRefused

FOLDER = "certs"
_BLOCK = r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----"
_READ = 0o750
_SINGLY = 32
"""Files that are made durable one by one; beyond that the disk is waited for once."""
_BUNDLE = re.compile(rf"\s*(?:{_BLOCK}\s*)+")


def stem(key_pair: KeyPair) -> str:
    """Return the file name without ending: Nameplate's id and a digest, never a tenant's text.

    The digest makes a name immutable: another certificate is another file, so that the running
    configuration never changes under the proxy.
    """
    return f"{FOLDER}/{key_pair.id}.{key_pair.digest}"


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
    target.mkdir(mode=0o700, exist_ok=True)
    there = _there(target)
    fresh: dict[Path, bytes] = {}
    for name, private_key in config.secrets.items():
        certificate = f"{name.removesuffix('.key')}.crt"
        if name in there and certificate in there:
            continue
        owners = config.owners.get(certificate, ())
        bundle = config.content(certificate)
        key = usable(bundle, private_key, owners)
        fresh |= {folder / certificate: bundle, folder / name: key.encode()}
    place_all(fresh, readers)
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
    return _names(config) <= _there(folder / FOLDER)


def shut(folder: Path) -> None:
    """Let nobody but the owner into the folder of key pairs, once nobody else needs them any more."""
    (folder / FOLDER).chmod(0o700)


def _let_in(target: Path, readers: int) -> None:
    """Let a group of readers into the folder; into the folder last, so that it tells of the files."""
    found = target.stat()
    if (found.st_gid, found.st_mode & 0o777) != (readers, _READ):
        for entry in os.scandir(target):
            os.chown(entry.path, -1, readers)
            os.chmod(entry.path, 0o640)  # noqa: PTH101 - many
        os.chown(target, -1, readers)
        target.chmod(_READ)


def _there(target: Path) -> set[str]:
    """Return the files that are there, with one look instead of one for each."""
    try:
        return {f"{FOLDER}/{name}" for name in os.listdir(target)}  # noqa: PTH208 - ten times faster
    except FileNotFoundError:
        return set()


def unnamed(folder: Path, config: Config) -> set[str]:
    """Return the files of key pairs that the configuration does not name."""
    there = {name for name in _there(folder / FOLDER) if name.endswith((".crt", ".key"))}
    return there - _names(config)


def sweep(folder: Path, config: Config) -> None:
    """Remove every key pair that the configuration does not name, and what writers that died left."""
    begun = {name for name in _there(folder / FOLDER) if name.startswith(f"{FOLDER}/.")}
    for name in unnamed(folder, config) | begun:
        (folder / name).unlink(missing_ok=True)


def _names(config: Config) -> set[str]:
    return set(config.secrets) | {f"{name.removesuffix('.key')}.crt" for name in config.secrets}


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
