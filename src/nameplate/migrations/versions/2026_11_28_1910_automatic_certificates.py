"""Certificates that were made for bindings are known as such, and end with them."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_28_1910"
down_revision = "2026_11_28_1901"
branch_labels = None
depends_on = None

_COMMENT = "Made for a binding, and let go when none uses it any more."
_MADE_FOR_BINDINGS = """
    UPDATE ssl_certificates SET is_automatic = {true}
    WHERE CAST(subject_alternative_names AS {text}) NOT LIKE '%,%'
    AND EXISTS (
        SELECT 1 FROM application_domain_bindings AS bound
        WHERE bound.ssl_certificate_id = ssl_certificates.id
        AND bound.hostname = ssl_certificates.common_name
        AND bound.created_at <= ssl_certificates.created_at
    )
"""
"""A certificate of one host that is not older than the binding that presents it."""
_NOT_BY_ITSELF = "UPDATE ssl_certificates SET next_renewal_attempt_at = NULL WHERE NOT auto_renew"
"""From now on a planned renewal takes place, also of one that its owner renews by hand."""


def upgrade() -> None:
    op.add_column("ssl_certificates", c.flag("is_automatic", _COMMENT, default=False))
    text = "CHAR" if c.dialect() in c.MARIADB else "TEXT"
    true = "TRUE" if c.dialect() == "postgresql" else "1"
    with _whole_tables("ssl_certificates", "application_domain_bindings"):
        op.execute(_MADE_FOR_BINDINGS.format(text=text, true=true))
        op.execute(_NOT_BY_ITSELF)


def downgrade() -> None:
    op.drop_column("ssl_certificates", "is_automatic")


@contextmanager
def _whole_tables(*tables: str) -> Iterator[None]:
    """Let the tables' owner see every row: FORCE hides those of organizations from it too."""
    if c.dialect() != "postgresql":
        yield
        return
    for table in tables:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    yield
    for table in tables:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
