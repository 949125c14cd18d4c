"""Records of a domain by name.

The unique index began like the index by type. PostgreSQL then takes either for a domain's records of
one type, by nothing but their age, and the unique one is four times as large. With the name before
the type it also answers what else stands at a name.
"""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_27_1040"
down_revision = "2026_11_27_1030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _order("name", "record_type")


def downgrade() -> None:
    _order("record_type", "name")


def _order(*middle: str) -> None:
    """Make the unique index anew; on MariaDB in one statement, because each commits by itself."""
    columns = ("organization_domain_id", *middle, "value_digest", "live")
    if c.dialect() in c.MARIADB:
        op.execute(
            "ALTER TABLE dns_records DROP INDEX unique_dns_record, "
            f"ADD UNIQUE INDEX unique_dns_record ({', '.join(columns)})"
        )
        return
    op.drop_index(op.f("unique_dns_record"), "dns_records")
    c.index("dns_records", *columns, name="unique_dns_record", unique=True)
