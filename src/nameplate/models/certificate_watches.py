"""What keeps certificates from being ordered, looked at once for all that the same thing stops."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nameplate.models.orm import Model, UtcDateTime, ascii_text, enum_of, table


class WatchKind(StrEnum):
    """How a name is looked at."""

    HOST = "host"
    """Its addresses, and the challenge path at each of them."""
    DELEGATION = "delegation"
    """The CNAME at the name of its challenges."""
    CAA = "caa"
    """The CAA records at the name itself."""


class CertificateWatch(Model):
    """One name that is looked at for every certificate whose `watch_key` names it.

    It belongs to no organization: names of several may be stopped by one record. A row that no
    certificate names is not looked at any more.
    """

    __tablename__ = "certificate_watches"
    __table_args__ = (table("Names that are looked at until certificates can be ordered."),)

    key: Mapped[str] = mapped_column(
        ascii_text(64), primary_key=True, comment="SHA-256 of kind, name and detail, hex."
    )
    kind: Mapped[WatchKind] = mapped_column(
        enum_of(WatchKind, "kind"), comment="How the name is looked at."
    )
    name: Mapped[str] = mapped_column(ascii_text(), comment="Canonical name.")
    detail: Mapped[str] = mapped_column(
        ascii_text(),
        default="",
        server_default="",
        comment="Where a delegation must lead, or the port of a sandbox's host.",
    )
    seen: Mapped[str | None] = mapped_column(
        ascii_text(64), comment="Digest of what was seen last; NULL: nobody has looked yet."
    )
    next_look_at: Mapped[datetime] = mapped_column(
        UtcDateTime, index=True, comment="When it is looked at again."
    )

    @classmethod
    def postponing(cls, until: datetime) -> sa.Update:
        """Return the statement that plans the next look; narrow it."""
        return sa.update(cls).values(next_look_at=until)
