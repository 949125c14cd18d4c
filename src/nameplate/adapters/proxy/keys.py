"""Certificates and private keys as files of a folder that only their owner can read."""

import hashlib
import os
import re
from collections.abc import Sequence
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
from nameplate.ports.proxy import Config, KeyPair, RouteRefused

FOLDER = "certs"
_BLOCK = r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----"
_BUNDLE = re.compile(rf"\s*(?:{_BLOCK}\s*)+")


def stem(key_pair: KeyPair) -> str:
    """Return the file name without ending: Nameplate's id and a digest, never a tenant's text.

    The digest makes a name immutable: another certificate is another file, so that the running
    configuration never changes under the proxy.
    """
    digest = hashlib.sha256(key_pair.bundle.encode()).hexdigest()[:16]
    return f"{FOLDER}/{key_pair.id}.{digest}"


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
        public[f"{name}.crt"] = site.key_pair.bundle.encode()
        secret[f"{name}.key"] = site.key_pair.private_key
        owners[f"{name}.crt"] = owners.get(f"{name}.crt", ()) + site.route_ids
    return public, secret, owners


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


def write(folder: Path, config: Config) -> None:
    """Write the key pairs that are not there yet; those that are there are never touched.

    Raises `RouteRefused` for a pair that no proxy could serve, before anything of it is written.
    """
    target = folder / FOLDER
    target.mkdir(mode=0o700, exist_ok=True)
    target.chmod(0o700)
    for name, private_key in config.secrets.items():
        certificate = f"{name.removesuffix('.key')}.crt"
        if (folder / name).exists() and (folder / certificate).exists():
            continue
        try:
            wrong = check(config.files[certificate], private_key)
        except NameplateError as error:  # a sealed key that cannot be opened
            wrong = error.detail
        if wrong:
            raise RouteRefused("key_pair_invalid", wrong, config.owners.get(certificate, ()))
        place(folder / certificate, config.files[certificate])
        place(folder / name, private_key.reveal().encode())
    sync(target)


def present(folder: Path, config: Config) -> bool:
    """Tell whether every key pair of the configuration is on disk."""
    return all((folder / name).exists() for name in _names(config))


def sweep(folder: Path, config: Config) -> None:
    """Remove every key pair that the configuration does not name."""
    wanted = _names(config)
    for path in (folder / FOLDER).iterdir():
        if f"{FOLDER}/{path.name}" not in wanted:
            path.unlink(missing_ok=True)


def _names(config: Config) -> set[str]:
    return set(config.secrets) | {f"{name.removesuffix('.key')}.crt" for name in config.secrets}


def place(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 that appears complete or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
