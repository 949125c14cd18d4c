"""Questions of proxies whether a certificate may be obtained, counted."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from nameplate.models.orm import BigId, Model, UtcDateTime, ascii_text, table


class EdgeAsk(Model):
    """How often `/edge/ask` gave one answer, or was asked for unknown names below one suffix."""

    __tablename__ = "edge_asks"
    __table_args__ = (
        table("Questions that `/edge/ask` was asked, by outcome, and unknown names by suffix."),
    )

    outcome: Mapped[str] = mapped_column(
        ascii_text(32), primary_key=True, comment="How it was answered, and why."
    )
    suffix: Mapped[str] = mapped_column(
        ascii_text(), primary_key=True, comment="Suffix of unknown names; empty: all questions."
    )
    asked: Mapped[int] = mapped_column(BigId, default=0, server_default="0", comment="How often.")
    last_at: Mapped[datetime] = mapped_column(
        UtcDateTime, index=True, comment="When that was added up last."
    )
