"""Why a certificate was not obtained, as a code that programs can rely on."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_28_1020"
down_revision = "2026_11_28_1010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "ssl_certificates",
        c.prose("renewal_error_code", "The same as a stable code, for programs."),
    )


def downgrade() -> None:
    op.drop_column("ssl_certificates", "renewal_error_code")
