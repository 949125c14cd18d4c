"""When the registry of a domain is asked next: once for all who use the domain."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nameplate.models.known_registrations import KnownRegistration
from nameplate.models.orm import Document, Model, UtcDateTime, ascii_text, table


class RegistrationWatch(Model):
    """One registrable domain whose registration is watched.

    It belongs to no organization: several may use names below it. A row whose domain nobody holds
    is not looked at any more.
    """

    __tablename__ = "registration_watches"
    __table_args__ = (table("Registrable domains whose registration is watched."),)

    name: Mapped[str] = mapped_column(
        ascii_text(), primary_key=True, comment="Canonical registrable domain."
    )
    next_look_at: Mapped[datetime] = mapped_column(
        UtcDateTime, index=True, comment="When its registry is asked again."
    )
    attempts: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="Looks in a row that came to nothing."
    )
    known: Mapped[KnownRegistration | None] = mapped_column(
        Document(KnownRegistration), comment="What the registry said last; NULL: nothing yet."
    )

    @classmethod
    def forgetting(cls, before: datetime) -> sa.Delete:
        """Return the statement that removes rows that were due before a moment; narrow it."""
        return sa.delete(cls).where(cls.next_look_at < before)
