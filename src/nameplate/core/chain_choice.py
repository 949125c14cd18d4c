"""Which of the chains that an authority offers is served with a certificate (RFC 8555 section 7.4.2)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cryptography.x509.oid import NameOID

from nameplate.core import certificates
from nameplate.core.errors import NameplateError


@dataclass(frozen=True, slots=True)
class ChosenChain:
    """A chain, and why it is not the one that was preferred."""

    bundle: bytes
    """PEM, leaf first."""
    note: str = ""


def choose(
    bundles: Iterable[bytes], preferred: str, check: Callable[[bytes], object]
) -> ChosenChain:
    """Return the first chain that leads to `preferred` and passes `check`, else the first of all.

    What cannot be read, or is no chain of the same certificate, keeps nothing from being served.
    """
    default: bytes | None = None
    refused = ""
    try:
        for bundle in bundles:
            default = bundle if default is None else default
            if not _is(root(bundle), preferred):
                continue
            if (refused := _fault(bundle, default, check)) == "":
                return ChosenChain(bundle)
    except NameplateError as error:
        if default is None:
            raise
        refused = error.detail
    if default is None:
        raise ValueError("an authority offers one chain at least")
    why = f"could not be used: {refused}" if refused else "is not offered by the authority."
    return ChosenChain(default, f"The chain to {preferred} {why} Its default chain is served.")


def root(bundle: bytes) -> str:
    """Return the common name of the root that a chain leads to, whether it is part of it or not.

    Empty where that has none. Raises `Invalid` on anything but a bundle.
    """
    top = certificates.load_chain(bundle)[-1]
    common = top.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else ""


def _is(name: str, preferred: str) -> bool:
    return name.strip().casefold() == preferred.strip().casefold()


def _fault(bundle: bytes, default: bytes, check: Callable[[bytes], object]) -> str:
    """Return what is wrong with a chain, nothing when nothing is."""
    if certificates.split_chain(bundle)[0] != certificates.split_chain(default)[0]:
        return "It belongs to another certificate."
    try:
        check(bundle)
    except NameplateError as error:
        return error.detail
    return ""
