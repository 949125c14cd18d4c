"""Revocations with a reason, and those that wait until another certificate is served."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_30_1220"
down_revision = "2026_11_30_1210"
branch_labels = None
depends_on = None

_TABLE = "ssl_certificates"
_CHECK = f"{_TABLE}_revocation_reason_check"


def upgrade() -> None:
    _reason()
    comment = "What is revoked as soon as nothing serves it any more, PEM."
    op.add_column(_TABLE, c.long_text("revocation_certificate", comment))
    comment = "Why that was not possible, in words for a person."
    op.add_column(_TABLE, c.prose("revocation_error", comment))
    comment = "When the authority revoked a certificate of this row last."
    op.add_column(_TABLE, c.moment("revoked_at", comment))


def downgrade() -> None:
    if c.dialect() != "sqlite":
        op.execute(f"ALTER TABLE {_TABLE} DROP CONSTRAINT {_CHECK}")
    for column in (
        "revoked_at",
        "revocation_error",
        "revocation_certificate",
        "revocation_reason",
    ):
        op.drop_column(_TABLE, column)


def _reason() -> None:
    comment = "Why it was revoked last, or is to be."
    check = (
        "CHECK (revocation_reason IN ('unspecified', 'keyCompromise', 'affiliationChanged', "
        "'superseded', 'cessationOfOperation'))"
    )
    if c.dialect() == "sqlite":  # takes a CHECK only with the column
        op.execute(
            f"ALTER TABLE {_TABLE} ADD COLUMN revocation_reason\nVARCHAR(32) "
            f"CONSTRAINT {_CHECK} {check}"
        )
        return
    op.add_column(_TABLE, c.choice("revocation_reason", comment, null=True))
    op.execute(f"ALTER TABLE {_TABLE} ADD CONSTRAINT {_CHECK} {check}")
