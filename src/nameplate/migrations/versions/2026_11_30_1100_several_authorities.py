"""Several authorities: their order, how long one is left alone, and which one issued a certificate."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_30_1100"
down_revision = "2026_11_30_1000"
branch_labels = None
depends_on = None

_ACCOUNTS, _CERTIFICATES = "accounts", "ssl_certificates"
_KEY = (
    "CONSTRAINT ssl_certificates_accounts_foreign FOREIGN KEY(authority_account_id) "
    "REFERENCES accounts (id) ON DELETE SET NULL"
)


def upgrade() -> None:
    comment = "Of accounts at authorities the one with the smallest number is asked first."
    op.add_column(_ACCOUNTS, c.number("priority", comment, "100"))
    comment = "Failures in a row that were the authority's own."
    op.add_column(_ACCOUNTS, c.number("outage_failures", comment, "0"))
    comment = "When the next failure counts: until then an authority that is away is left alone."
    op.add_column(_ACCOUNTS, c.moment("outage_until", comment))
    comment = "The account whose authority issued what is served."
    op.add_column(_CERTIFICATES, c.big("authority_account_id", comment, null=True))
    comment = "Why that authority was chosen, in words for a person."
    op.add_column(_CERTIFICATES, c.prose("authority_reason", comment))
    _refer()
    c.index(_CERTIFICATES, "authority_account_id")


def downgrade() -> None:
    _release()
    op.drop_index(op.f("ssl_certificates_authority_account_id_index"), _CERTIFICATES)
    op.drop_column(_CERTIFICATES, "authority_reason")
    op.drop_column(_CERTIFICATES, "authority_account_id")
    for column in ("outage_until", "outage_failures", "priority"):
        op.drop_column(_ACCOUNTS, column)


def _refer() -> None:
    """Add the foreign key; SQLite takes one only with its table, so it is edited there."""
    if c.dialect() == "sqlite":
        _edit(f"substr(rtrim(sql), 1, length(rtrim(sql)) - 1) || ', {_KEY})'")
        return
    op.create_foreign_key(
        op.f("ssl_certificates_accounts_foreign"),
        _CERTIFICATES,
        _ACCOUNTS,
        ["authority_account_id"],
        ["id"],
        ondelete="SET NULL",
    )


def _release() -> None:
    if c.dialect() == "sqlite":
        _edit(f"replace(sql, ', {_KEY}', '')")
        return
    op.drop_constraint(op.f("ssl_certificates_accounts_foreign"), _CERTIFICATES, type_="foreignkey")


def _edit(sql: str) -> None:
    """Edit the table where SQLite keeps it, as its page on ALTER TABLE says (section 7)."""
    op.execute("PRAGMA writable_schema = ON")
    op.execute(
        f"UPDATE sqlite_master SET sql = {sql} "  # noqa: S608 - our own words
        f"WHERE type = 'table' AND name = '{_CERTIFICATES}'"
    )
    op.execute("PRAGMA writable_schema = RESET")
