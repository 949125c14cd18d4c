"""A cell of a matrix: one certificate, whose authority has one trouble at one endpoint."""

from dataclasses import dataclass, field

from nameplate.core.actor import PLATFORM, Actor
from tests.chaos.world import ZONE
from tests.servers.acme_proxy import AcmeProxy


@dataclass
class Cell:
    """One trouble at one endpoint, and what came of it."""

    trouble: str
    endpoint: str
    proxy: AcmeProxy = field(init=False)
    account: str = ""
    actor: Actor = PLATFORM
    certificate: int = 0
    outcome: str = ""
    given_up: int = 0
    """Generations that were given up while there was trouble."""
    complaints: list[str] = field(default_factory=list)
    healed_in: float = 0.0

    @property
    def generations(self) -> int:
        """How many are obtained: a changed key is tried."""
        return 2 if self.endpoint == "keyChange" else 1

    @property
    def label(self) -> str:
        """A label of DNS that names the cell."""
        return f"{self.trouble}-{self.endpoint}".replace("_", "-").lower()

    @property
    def name(self) -> str:
        """The name that is to be secured."""
        return f"{self.label}.{ZONE}"

    @property
    def names(self) -> list[str]:
        """All names of the certificate: many where the authority refuses one of them."""
        if (self.trouble, self.endpoint) != ("rejected_identifier", "newOrder"):
            return [self.name]
        return [f"n{number}.{self.name}" for number in range(1, 26)]

    def complain(self, what: str) -> None:
        """Note what is not as it must be."""
        self.complaints.append(f"{self.label}: {what}")
