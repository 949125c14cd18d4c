"""Plug-ins by entry points (packaging.python.org): ours and a third party's are found the same way.

A plug-in's module is imported when the plug-in is used or listed, not before (ADR 12).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from threading import Lock
from typing import Generic, TypeVar

from nameplate.core.configuration import describe
from nameplate.core.errors import NameplateError, Refused
from nameplate.ports.ca import AuthorityPlugin
from nameplate.ports.dns import DnsProviderPlugin
from nameplate.ports.plugins import Plugin
from nameplate.ports.proxy import ProxyPlugin
from nameplate.ports.registrar import RegistrarPlugin
from nameplate.ports.verification import ProofMethodPlugin

DNS_PROVIDERS = "nameplate.dns_providers"
AUTHORITIES = "nameplate.authorities"
PROXIES = "nameplate.proxies"
REGISTRARS = "nameplate.registrars"
PROOF_METHODS = "nameplate.proof_methods"

P = TypeVar("P", bound=Plugin)
_OURS = "nameplate"


@dataclass(frozen=True, slots=True)
class Listed(Generic[P]):
    """One name of a group, with its plug-in or with why there is none."""

    name: str
    distribution: str
    """The package that brings it."""
    plugin: P | None
    error: NameplateError | None = None

    @property
    def is_third_party(self) -> bool:
        """Whether another package than Nameplate brings it."""
        return self.distribution != _OURS


class Registry(Generic[P]):
    """The plug-ins of one group of entry points. Threads may share it."""

    def __init__(
        self, group: str, kind: type[P], noun: str, unknown: str, *, replaceable: bool = False
    ) -> None:
        """Take the group, the class of its plug-ins, its noun and the code for an unknown name.

        With `replaceable` a package's plug-in takes the place of ours of the same name.
        """
        self._group = group
        self._kind = kind
        self._noun = noun
        self._unknown = unknown
        self._replaceable = replaceable
        self._points: dict[str, list[EntryPoint]] | None = None
        self._lock = Lock()

    def names(self) -> Sequence[str]:
        """Return every name in the group, sorted; nothing is imported."""
        return sorted(self._found())

    def get(self, name: str) -> P:
        """Return the plug-in of that name.

        Raises Refused: the registry's code for an unknown name, `plugin_ambiguous` when two packages
        bring it, `plugin_broken` when it cannot be imported or is not a plug-in.
        """
        points = self._found().get(name)
        if not points:
            known = ", ".join(self.names()) or "none"
            raise Refused(self._unknown, f"There is no {self._noun} `{name}`. There are: {known}.")
        if len(points) > 1:
            owners = " and ".join(sorted(map(_owner, points)))
            raise Refused(
                "plugin_ambiguous",
                f"The {self._noun} `{name}` comes with {owners}. Uninstall all but one.",
            )
        return self._load(points[0])

    def listed(self) -> Sequence[Listed[P]]:
        """Return every name with its plug-in; one that is broken does not hide the others."""
        return [self._listed(name, points) for name, points in sorted(self._found().items())]

    def _listed(self, name: str, points: Sequence[EntryPoint]) -> Listed[P]:
        owner = " and ".join(sorted(map(_owner, points)))
        try:
            return Listed(name, owner, self.get(name))
        except Refused as error:
            return Listed(name, owner, None, error)

    def _found(self) -> dict[str, list[EntryPoint]]:
        with self._lock:
            if self._points is None:
                self._points = {}
                for point in entry_points(group=self._group):
                    self._points.setdefault(point.name, []).append(point)
                if self._replaceable:
                    self._points = {name: _replaced(all_) for name, all_ in self._points.items()}
            return self._points

    def _load(self, point: EntryPoint) -> P:
        try:
            found = point.load()
            if not isinstance(found, self._kind):
                raise TypeError(f"it is not a {self._kind.__name__}")  # noqa: TRY301 - told below
            describe(found.configuration)
        except Exception as error:  # a third party's module may raise anything
            raise Refused(
                "plugin_broken",
                f"The {self._noun} `{point.name}` of {_owner(point)} ({point.value}) cannot be "
                f"loaded: {type(error).__name__}: {error}",
            ) from error
        return found


def _replaced(points: list[EntryPoint]) -> list[EntryPoint]:
    """Return those of other packages, if there are any."""
    return [one for one in points if _owner(one) != _OURS] or points


def _owner(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "an unknown package"


def dns_providers() -> Registry[DnsProviderPlugin]:
    """Return the registry of DNS providers."""
    return Registry(DNS_PROVIDERS, DnsProviderPlugin, "DNS provider", "provider_unknown")


def authorities() -> Registry[AuthorityPlugin]:
    """Return the registry of certificate authorities."""
    return Registry(AUTHORITIES, AuthorityPlugin, "certificate authority", "provider_unknown")


def proxies() -> Registry[ProxyPlugin]:
    """Return the registry of proxies."""
    return Registry(PROXIES, ProxyPlugin, "proxy", "proxy_unknown")


def registrars() -> Registry[RegistrarPlugin]:
    """Return the registry of registrars."""
    return Registry(REGISTRARS, RegistrarPlugin, "registrar", "provider_unknown")


def proof_methods() -> Registry[ProofMethodPlugin]:
    """Return the registry of proof methods: their names are given, so a package may bring a better one."""
    return Registry(
        PROOF_METHODS, ProofMethodPlugin, "proof method", "method_unknown", replaceable=True
    )
