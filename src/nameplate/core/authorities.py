"""Public certificate authorities with ACME that are known by name, and what each of them asks for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from nameplate.core import caa


@dataclass(frozen=True, slots=True)
class KnownAuthority:
    """One authority: its directory (RFC 8555 section 7.1.1), and what an account there takes."""

    title: str
    directory_url: str
    needs_external_account: bool = False
    """New accounts must be bound to a customer of the authority (RFC 8555 section 7.3.4)."""
    is_trusted: bool = True
    """Browsers trust what it issues."""


KNOWN: Mapping[str, KnownAuthority] = {
    "actalis": KnownAuthority(
        "Actalis", "https://acme-api.actalis.com/acme/directory", needs_external_account=True
    ),
    "google": KnownAuthority(
        "Google Trust Services",
        "https://dv.acme-v02.api.pki.goog/directory",
        needs_external_account=True,
    ),
    "letsencrypt": KnownAuthority(
        "Let's Encrypt", "https://acme-v02.api.letsencrypt.org/directory"
    ),
    "letsencrypt_staging": KnownAuthority(
        "Let's Encrypt (staging)",
        "https://acme-staging-v02.api.letsencrypt.org/directory",
        is_trusted=False,
    ),
    "sslcom": KnownAuthority(
        "SSL.com", "https://acme.ssl.com/sslcom-dv-ecc", needs_external_account=True
    ),
    "zerossl": KnownAuthority(
        "ZeroSSL", "https://acme.zerossl.com/v2/DV90", needs_external_account=True
    ),
}
"""By the provider that an account names."""
LOCAL = "local"
"""The provider of an authority of one's own, which signs without asking anybody."""


def directory_url(provider: str, config: Mapping[str, Any]) -> str:
    """Return the directory of an account's authority, empty when it has none."""
    known = KNOWN.get(provider)
    return known.directory_url if known else str(config.get("directory_url") or "")


def title(provider: str, config: Mapping[str, Any]) -> str:
    """Return what people call an account's authority: its name, or the host of its directory."""
    url = directory_url(provider, config)
    known = next((one.title for one in KNOWN.values() if one.directory_url == url), None)
    return known or urlsplit(url).hostname or provider


def is_trusted(provider: str, config: Mapping[str, Any]) -> bool:
    """Tell whether it may stand in for another authority: what a browser is known to reject may not."""
    url = directory_url(provider, config)
    return provider != LOCAL and all(
        one.is_trusted for one in KNOWN.values() if one.directory_url == url
    )


def caa_identities(provider: str, config: Mapping[str, Any]) -> Collection[str]:
    """Return the issuer domain names that CAA must allow, none when they are not known."""
    named: Collection[str] = config.get("caa_identities") or ()
    return named or caa.identities(directory_url(provider, config))
