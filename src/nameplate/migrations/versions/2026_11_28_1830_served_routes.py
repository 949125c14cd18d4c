"""What each proxy serves by its last configuration, and how its last attempt ended.

A binding says which server serves it, by the digest of its route and the serial number of its
certificate. Every server with a proxy is looked at once, so that these columns are filled.
"""

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_28_1830"
down_revision = "2026_11_28_1820"
branch_labels = None
depends_on = None

_BINDINGS = "application_domain_bindings"
_KEY = "application_domain_bindings_served_server_foreign"
_SQLITE_KEY = (
    f"CONSTRAINT {_KEY} FOREIGN KEY(served_server_id) REFERENCES servers (id) ON DELETE SET NULL"
)
_FINGERPRINT = "SHA-256 of what the proxy was last configured to serve."
_FORMER_FINGERPRINT = "SHA-256 of the configuration that the proxy took last."
_MESSAGE = "The same in words for a person."
_FORMER_MESSAGE = "Why the proxy did not take the last configuration."


def upgrade() -> None:
    op.add_column(
        _BINDINGS,
        c.big(
            "served_server_id",
            "The server whose proxy serves the binding by its last configuration.",
            null=True,
        ),
    )
    op.add_column(
        _BINDINGS,
        c.prose("served_digest", "SHA-256 of the route in that configuration."),
    )
    op.add_column(
        _BINDINGS,
        c.prose("served_serial", "Serial number of the certificate in that configuration."),
    )
    _refer()
    c.index(_BINDINGS, "served_server_id")
    for column in (
        c.prose("error_code", "Why the last attempt to configure the proxy failed, for programs."),
        c.moment("failing_since", "When the first of the failed attempts in a row ended."),
        c.json("still_served", "Hosts and paths that the proxy still serves although it must not."),
    ):
        op.add_column("servers", column)
    _comment(_FINGERPRINT, _MESSAGE)
    _force(on=False)
    op.execute(
        f"UPDATE servers SET next_action_at = {c.NOW[c.dialect()]} "  # noqa: S608 - our own words
        "WHERE deleted_at IS NULL AND proxy IS NOT NULL"
    )
    _force(on=True)


def downgrade() -> None:
    _comment(_FORMER_FINGERPRINT, _FORMER_MESSAGE)
    for name in ("still_served", "failing_since", "error_code"):
        op.drop_column("servers", name)
    _release()
    op.drop_index(op.f(f"{_BINDINGS}_served_server_id_index"), _BINDINGS)
    op.drop_column(_BINDINGS, "served_serial")
    op.drop_column(_BINDINGS, "served_digest")
    op.drop_column(_BINDINGS, "served_server_id")


def _refer() -> None:
    """Add the foreign key; SQLite takes one only with its table, so it is edited there."""
    if c.dialect() == "sqlite":
        _edit(f"substr(rtrim(sql), 1, length(rtrim(sql)) - 1) || ', {_SQLITE_KEY})'")
        return
    op.create_foreign_key(
        op.f(_KEY), _BINDINGS, "servers", ["served_server_id"], ["id"], ondelete="SET NULL"
    )


def _release() -> None:
    if c.dialect() == "sqlite":
        _edit(f"replace(sql, ', {_SQLITE_KEY}', '')")
        return
    op.drop_constraint(op.f(_KEY), _BINDINGS, type_="foreignkey")


def _edit(sql: str) -> None:
    """Edit the table where SQLite keeps it, as its page on ALTER TABLE says (section 7)."""
    op.execute("PRAGMA writable_schema = ON")
    op.execute(
        f"UPDATE sqlite_master SET sql = {sql} WHERE type = 'table' AND name = '{_BINDINGS}'"  # noqa: S608 - our own words
    )
    op.execute("PRAGMA writable_schema = RESET")


def _comment(fingerprint: str, message: str) -> None:
    if c.dialect() == "sqlite":
        return
    kinds = {
        "configured_fingerprint": (c.ascii_text("x", "", 64).type, fingerprint),
        "error_message": (sa.Text(), message),
    }
    for name, (kind, comment) in kinds.items():
        op.alter_column(
            "servers", name, existing_type=kind, existing_nullable=True, comment=comment
        )


def _force(*, on: bool) -> None:
    """Let the owner of the table see every organization's rows meanwhile (PostgreSQL)."""
    if c.dialect() == "postgresql":
        op.execute(f"ALTER TABLE servers {'' if on else 'NO '}FORCE ROW LEVEL SECURITY")
