"""DNS hosts that set up records when their customer consents (draft-ietf-dconn-domainconnect)."""

from typing import Protocol

from nameplate.core.domain_connect.provider import Provider
from nameplate.core.domain_connect.service import ConnectService


class DomainConnect(Protocol):
    """Asks DNS hosts, in the name of one service of the platform.

    Both methods ask strangers. They raise `Unavailable` when asking later may help, and `Refused`
    for answers that cannot be used; the codes begin with `domain_connect_`.
    """

    @property
    def service(self) -> ConnectService:
        """The platform's own entry: its template and its key."""
        ...

    def discover(self, zone: str) -> Provider | None:
        """Return what the DNS host of a zone (canonical apex) offers, None when it offers nothing."""
        ...

    def knows(self, provider: Provider) -> bool:
        """Tell whether the DNS host has the service's template."""
        ...
