"""Names that are looked at until certificates can be ordered, and what renewals would fail on."""

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_12_01_0200"
down_revision = "2026_12_01_0120"
branch_labels = None
depends_on = None

_WATCHES, _CERTIFICATES = "certificate_watches", "ssl_certificates"


def upgrade() -> None:
    c.create(
        _WATCHES,
        "Names that are looked at until certificates can be ordered.",
        c.ascii_text("key", "SHA-256 of kind, name and detail, hex.", 64, nullable=False),
        c.choice("kind", "How the name is looked at."),
        c.ascii_text("name", "Canonical name.", nullable=False),
        c.ascii_text(
            "detail", "Where a delegation must lead, or the port of a sandbox's host.",
            nullable=False, server_default="",
        ),
        c.ascii_text("seen", "Digest of what was seen last; NULL: nobody has looked yet.", 64),
        sa.Column("next_look_at", c.MOMENT, nullable=False, comment="When it is looked at again."),
        c.primary(_WATCHES, "key"),
        c.allowed(_WATCHES, "kind", ("host", "delegation", "caa")),
    )  # fmt: skip
    c.index(_WATCHES, "next_look_at")
    if c.dialect() == "postgresql":  # only a role that passes row-level security works with it
        op.execute(f"ALTER TABLE {_WATCHES} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {_WATCHES} FORCE ROW LEVEL SECURITY")
    comment = "The `certificate_watches` row whose change wakes it; NULL: none."
    op.add_column(_CERTIFICATES, c.ascii_text("watch_key", comment, 64))
    comment = "What its next renewal would fail on; NULL: nothing was found."
    op.add_column(_CERTIFICATES, c.json("rehearsal", comment))
    comment = "When that was looked at last."
    op.add_column(_CERTIFICATES, c.moment("rehearsed_at", comment))
    comment = "Since when its next renewal would fail."
    op.add_column(_CERTIFICATES, c.moment("at_risk_since", comment))
    for column in ("watch_key", "at_risk_since"):
        c.index(_CERTIFICATES, column)


def downgrade() -> None:
    for column in ("at_risk_since", "watch_key"):
        op.drop_index(op.f(f"{_CERTIFICATES}_{column}_index"), _CERTIFICATES)
    for column in ("at_risk_since", "rehearsed_at", "rehearsal", "watch_key"):
        op.drop_column(_CERTIFICATES, column)
    op.drop_table(_WATCHES)
