"""How the steps of all workers ended, counted."""

from sqlalchemy.orm import Mapped, mapped_column

from nameplate.models.orm import BigId, Model, ascii_text, table


class StepCount(Model):
    """Steps of one kind with one outcome; every worker adds its own every few seconds."""

    __tablename__ = "step_counts"
    __table_args__ = (table("Steps of all workers since the beginning, by kind and outcome."),)

    kind: Mapped[str] = mapped_column(
        ascii_text(32), primary_key=True, comment="Kind of row that the steps worked on."
    )
    outcome: Mapped[str] = mapped_column(
        ascii_text(100), primary_key=True, comment="`ok`, or the code of what went wrong."
    )
    steps: Mapped[int] = mapped_column(
        BigId,
        default=0,
        server_default="0",
        comment="How many steps of all workers ended like that.",
    )
