"""The account whose authority issued a certificate."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_30_1200"
down_revision = "2026_11_30_0800"
branch_labels = None
depends_on = None

_ACCOUNTS, _CERTIFICATES = "accounts", "ssl_certificates"
_KEY = (
    "CONSTRAINT ssl_certificates_accounts_foreign FOREIGN KEY(authority_account_id) "
    "REFERENCES accounts (id) ON DELETE SET NULL"
)


def upgrade() -> None:
    comment = "The account whose authority issued what is served."
    op.add_column(_CERTIFICATES, c.big("authority_account_id", comment, null=True))
    _refer()
    c.index(_CERTIFICATES, "authority_account_id")


def downgrade() -> None:
    _release()
    op.drop_index(op.f("ssl_certificates_authority_account_id_index"), _CERTIFICATES)
    op.drop_column(_CERTIFICATES, "authority_account_id")


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
