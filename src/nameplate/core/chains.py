"""Chains of certificates that are brought in any order (RFC 5280 section 6): sorted, complete, trusted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from nameplate.core.errors import Invalid

MAX_LIFETIME = timedelta(days=825)
"""No browser takes a server's certificate that lives longer, whoever signed it."""
_STRONG = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_SHOWN = 120

Placed = tuple[str, x509.Certificate]
"""A certificate, and what a message calls it."""


@dataclass(frozen=True, slots=True)
class Roots:
    """The authorities that may have signed a certificate."""

    certificates: tuple[x509.Certificate, ...] = ()

    def signer(self, certificate: x509.Certificate) -> bool:
        """Tell whether one of them signed it."""
        return any(_signed(certificate, one) for one in self.certificates)


def ordered(
    leaf: x509.Certificate, others: Sequence[Placed], roots: Roots, now: datetime
) -> list[x509.Certificate]:
    """Return the chain from `leaf` upwards, without the root, which every visitor has.

    Raises `Invalid` with `self_signed`, `chain_incomplete`, `chain_untrusted`, `chain_broken`,
    `signature_weak` or `expired`.
    """
    if is_self_signed(leaf):
        raise Invalid("self_signed", "The certificate signed itself, so that no visitor trusts it.")
    chain, rest = climb(leaf, others)
    top = chain[-1][1]
    for place, one in chain[1:]:
        _check_issuer(place, one, now)
    if is_self_signed(top):
        chain.pop()
        if top not in roots.certificates and not roots.signer(top):
            raise Invalid(
                "chain_untrusted",
                f"The chain ends at {named(top.subject)}, which is no authority that visitors trust.",
            )
    elif not roots.signer(top):
        raise Invalid(
            "chain_incomplete",
            f"The chain ends at {named(top.subject)}. Add the certificate of {named(top.issuer)}, which "
            "signed it.",
        )
    _refuse_strangers(rest, [one for _, one in chain])
    _verify([one for _, one in chain], roots, now)
    return [one for _, one in chain]


def climb(leaf: x509.Certificate, others: Sequence[Placed]) -> tuple[list[Placed], list[Placed]]:
    """Return the chain that can be made of certificates, root included, and those left over."""
    chain: list[Placed] = [("the server's certificate", leaf)]
    rest = list(others)
    while not is_self_signed(chain[-1][1]):
        signers = [one for one in rest if _signed(chain[-1][1], one[1])]
        if not signers:
            break
        # One that is signed by another comes first: the root that it may go back to is left out anyway.
        signers.sort(key=lambda one: is_self_signed(one[1]))
        chain.append(signers[0])
        rest.remove(signers[0])
    return chain, rest


def check_server(place: str, leaf: x509.Certificate, now: datetime) -> None:
    """Check what concerns a server's certificate alone: purpose, validity, signature.

    Raises `Invalid` with `leaf_is_authority`, `not_for_servers`, `expired`, `not_yet_valid`,
    `lifetime_too_long` or `signature_weak`.
    """
    shown = place[0].upper() + place[1:]
    for extension in leaf.extensions:
        value = extension.value
        if isinstance(value, x509.BasicConstraints) and value.ca:
            raise Invalid(
                "leaf_is_authority",
                f"{shown} belongs to the key and is an authority's (CA:TRUE). Give the server's.",
            )
        if (
            isinstance(value, x509.ExtendedKeyUsage)
            and ExtendedKeyUsageOID.SERVER_AUTH not in value
        ):
            raise Invalid("not_for_servers", f"{shown} does not allow server authentication.")
    _check_validity(shown, leaf, now)
    if leaf.not_valid_after_utc - leaf.not_valid_before_utc > MAX_LIFETIME:
        raise Invalid(
            "lifetime_too_long",
            f"{shown} is valid for more than {MAX_LIFETIME.days} days, which browsers refuse.",
        )
    _check_signature(shown, leaf)


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate was signed by its own key."""
    return certificate.subject == certificate.issuer and _signed(certificate, certificate)


def named(name: x509.Name) -> str:
    """Return a distinguished name for a message."""
    text = name.rfc4514_string()
    text = text if text.isprintable() else ascii(text)
    return (
        text[:_SHOWN] + "…" if len(text) > _SHOWN else text
    ) or "a certificate without a subject"


def _check_issuer(place: str, one: x509.Certificate, now: datetime) -> None:
    shown = place[0].upper() + place[1:]
    basic = [e.value for e in one.extensions if isinstance(e.value, x509.BasicConstraints)]
    if not basic or not basic[0].ca:
        raise Invalid(
            "chain_broken", f"{shown} signed another certificate without being an authority's."
        )
    if not is_self_signed(one):  # a root is left out, and its own signature means nothing
        _check_validity(shown, one, now)
        _check_signature(shown, one)


def _check_validity(shown: str, one: x509.Certificate, now: datetime) -> None:
    if one.not_valid_before_utc > now:
        begin = f"{one.not_valid_before_utc:%Y-%m-%d %H:%M}"
        raise Invalid("not_yet_valid", f"{shown} is not valid before {begin} UTC.")
    if one.not_valid_after_utc <= now:
        raise Invalid(
            "expired", f"{shown} expired at {one.not_valid_after_utc:%Y-%m-%d %H:%M} UTC."
        )


def _check_signature(shown: str, one: x509.Certificate) -> None:
    if not isinstance(one.signature_hash_algorithm, _STRONG):
        raise Invalid("signature_weak", f"{shown} is signed with a broken or unknown hash.")


def _refuse_strangers(rest: Sequence[Placed], chain: Sequence[x509.Certificate]) -> None:
    """Refuse what is no part of the chain; roots of it are left out without a word."""
    subjects = {one.issuer for one in chain} | {one.subject for one in chain}
    for place, one in rest:
        if not (is_self_signed(one) and one.subject in subjects):
            raise Invalid(
                "chain_broken",
                f"{place[0].upper() + place[1:]} ({named(one.subject)}) is no part of the chain. Leave it out.",
            )


def _verify(chain: Sequence[x509.Certificate], roots: Roots, now: datetime) -> None:
    """Have the library judge the whole path: constraints on names, lengths and purposes, all of it."""
    names = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    host = names.get_values_for_type(x509.DNSName)[0].replace("*", "any", 1)
    try:
        policy = PolicyBuilder().store(Store(list(roots.certificates))).time(now)
        policy.build_server_verifier(x509.DNSName(host)).verify(chain[0], list(chain[1:]))
    except (VerificationError, ValueError, UnsupportedAlgorithm):
        raise Invalid(
            "chain_untrusted",
            "The chain breaks a rule that browsers check. Have the certificate issued again.",
        ) from None


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
