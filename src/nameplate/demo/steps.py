"""The ways of the demo: which name it is about, and its steps."""

import secrets
from dataclasses import dataclass

from nameplate.demo.progress import Step

_ZONE = "example.test"


@dataclass(frozen=True, slots=True)
class Way:
    """One run of the demo."""

    zone: str
    """The zone that the sandbox's DNS server has."""
    host: str
    """The name that a visitor asks for at the end."""
    buys: bool = False
    """Whether the name is registered on the way, instead of proved."""

    def steps(self) -> list[Step]:
        """Return the steps, none of them begun."""
        own = [
            Step("claim", f"an organization claims {self.host}"),
            Step("prove", "it proves control of the name"),
        ]
        bought = [
            Step("buy", f"an organization registers {self.host}"),
            Step("delegate", "the registrar delegates it to the organization's DNS"),
        ]
        return [
            Step("start", "start a sandbox on this machine"),
            *(bought if self.buys else own),
            Step("point", "DNS points at the platform"),
            Step("secure", "a certificate by ACME"),
            Step("serve", "the proxy serves the application"),
            Step("watch", "health, renewal, conditions"),
            Step("visit", f"https://{self.host}/"),
        ]


def way(*, buy: bool) -> Way:
    """Return the way with a name that is there, or with a new one that is bought."""
    if not buy:
        return Way(_ZONE, f"shop.{_ZONE}")
    name = f"shop-{secrets.token_hex(3)}.test"
    return Way(name, name, buys=True)
