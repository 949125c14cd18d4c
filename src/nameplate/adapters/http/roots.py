"""The authorities that visitors trust: Mozilla's, and those that the operator names."""

import warnings
from functools import cache
from pathlib import Path

import certifi
from cryptography import x509

from nameplate.core.chains import Roots
from nameplate.core.errors import Invalid


@cache
def trusted(also: Path | None) -> Roots:
    """Return Mozilla's authorities and those in the PEM file `also`, read once.

    Raises `Invalid` with `settings_invalid` when the file cannot be read.
    """
    found = _read(Path(certifi.where()))
    if also is not None:
        try:
            found += _read(also)
        except (OSError, ValueError):
            raise Invalid(
                "settings_invalid",
                f"{also} in `NAMEPLATE_TRUSTED_ROOTS` is no file of PEM certificates.",
            ) from None
    return Roots(tuple(found))


def _read(path: Path) -> list[x509.Certificate]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an old root has a serial number of zero
        return x509.load_pem_x509_certificates(path.read_bytes())
