"""How a binding is there at a server: what its proxy serves, and what was seen of that.

One binding on one server keeps it in its own row; on a group of servers there is a row for each server.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nameplate.core.serials import same_form
from nameplate.models.agent_reports import LastLook
from nameplate.models.orm import Document, UtcDateTime


class Presence:
    """What a server's proxy was told of a binding, and what probes saw of it there."""

    served_digest: Mapped[str | None] = mapped_column(
        sa.Text, comment="SHA-256 of the route in that configuration."
    )
    served_serial: Mapped[str | None] = mapped_column(
        sa.Text, comment="Serial number of the certificate in that configuration."
    )
    seen_serial: Mapped[str | None] = mapped_column(
        sa.Text, comment="Serial number of the certificate that a probe saw last."
    )
    seen_serial_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="Since when probes see it."
    )
    refused_serial: Mapped[str | None] = mapped_column(
        sa.Text,
        comment="Serial number of the certificate that the proxy refused; the former one is served.",
    )
    refused_since: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When it refused that first."
    )
    refused_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When it refused that last."
    )
    refusal: Mapped[str | None] = mapped_column(sa.Text, comment="Why, in words for a person.")
    agent_look: Mapped[LastLook | None] = mapped_column(
        Document(LastLook), comment="What the server's agent saw last through the proxy."
    )

    def see(self, serial: str, now: datetime) -> bool:
        """Record which certificate a probe saw; tell whether that is another one than before."""
        known = same_form(serial)
        if known == self.seen_serial:
            return False
        self.seen_serial, self.seen_serial_at = known, now
        return True

    def refuse(self, serial: str, reason: str, now: datetime) -> None:
        """Record that the proxy does not take a certificate, and goes on with the former one."""
        if self.refused_serial != serial:
            self.refused_serial, self.refused_since = serial, now
        self.refused_at, self.refusal = now, reason
