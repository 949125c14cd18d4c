"""What certificates are made with when nobody says it: a domain's, an organization's, the platform's wish."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum


class PreferenceOrigin(StrEnum):
    """Who has said what a certificate is made with."""

    CERTIFICATE = "certificate"
    DOMAIN = "domain"
    ORGANIZATION = "organization"
    PLATFORM = "platform"
    DEFAULT = "default"
    """Nobody."""


@dataclass(frozen=True, slots=True)
class CertificatePreferences:
    """What one of them says; None: nothing, so that the next one decides."""

    key_type: str | None = None
    challenge: str | None = None
    profile: str | None = None
    preferred_chain: str | None = None
    authorities: tuple[str, ...] | None = None
    """Names of accounts to order with, the preferred one first."""


Level = tuple[PreferenceOrigin, CertificatePreferences]
Refusal = Callable[[str], bool]
"""Tells whether a challenge cannot prove the names."""
FIELDS = tuple(one.name for one in fields(CertificatePreferences))


@dataclass(frozen=True, slots=True)
class ChosenPreferences:
    """What a certificate is made with, and who has said so."""

    values: CertificatePreferences
    origins: Mapping[str, PreferenceOrigin]


def choose(levels: Sequence[Level], refuses: Refusal) -> ChosenPreferences:
    """Return the first that is said of each, the most particular first.

    A challenge that cannot prove the names is passed over, except the one that was asked for.
    """
    values: dict[str, object] = {}
    origins: dict[str, PreferenceOrigin] = {}
    for name in FIELDS:
        origins[name] = PreferenceOrigin.DEFAULT
        for origin, said in levels:
            value = getattr(said, name)
            asked_for = origin is PreferenceOrigin.CERTIFICATE
            if value is None or (name == "challenge" and not asked_for and refuses(value)):
                continue
            values[name], origins[name] = value, origin
            break
    return ChosenPreferences(CertificatePreferences(**values), origins)  # type: ignore[arg-type]  # by their names
