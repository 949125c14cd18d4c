"""Who has said what a certificate is made with: the JSON of `chosen_by` as a value."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from nameplate.core.certificate_preferences import FIELDS, PreferenceOrigin


@dataclass(frozen=True, slots=True)
class CertificateOrigins:
    """By what is chosen; what is missing was asked for with the certificate."""

    origins: Mapping[str, PreferenceOrigin]

    def owning(self, names: Iterable[str]) -> "CertificateOrigins":
        """Return the same with these chosen for the certificate itself."""
        return CertificateOrigins(
            {**self.origins, **dict.fromkeys(names, PreferenceOrigin.CERTIFICATE)}
        )

    def of(self, name: str) -> PreferenceOrigin:
        """Return who has said it."""
        return self.origins.get(name, PreferenceOrigin.CERTIFICATE)

    def as_json(self) -> dict[str, Any]:
        """Return what goes into the column."""
        return {name: str(origin) for name, origin in self.origins.items()}

    @classmethod
    def from_json(cls, document: Any) -> Self | None:  # noqa: ANN401 - whatever stands there
        """Return the origins, None when there are none."""
        if not isinstance(document, dict):
            return None
        known = set(PreferenceOrigin)
        said = {name: document.get(name) for name in FIELDS}
        return cls({name: PreferenceOrigin(one) for name, one in said.items() if one in known})
