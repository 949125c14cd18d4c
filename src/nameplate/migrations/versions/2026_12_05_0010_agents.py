"""Agents beside proxies: tokens of one server, and what agents have reported."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_12_05_0010"
down_revision = "2026_12_04_0110"
branch_labels = None
depends_on = None

_TOKENS, _SERVERS, _BINDINGS = "api_tokens", "servers", "application_domain_bindings"
_KEY = "api_tokens_servers_foreign"
_SQLITE_KEY = f"CONSTRAINT {_KEY} FOREIGN KEY(server_id) REFERENCES servers (id) ON DELETE CASCADE"


def upgrade() -> None:
    comment = "The server whose agent it is, and nothing else; NULL: it is no agent's."
    op.add_column(_TOKENS, c.big("server_id", comment, null=True))
    _refer()
    c.index(_TOKENS, "server_id")
    op.add_column(_SERVERS, c.moment("agent_seen_at", "When the server's agent reported last."))
    op.add_column(_SERVERS, c.json("agent_report", "What it said then of its proxy."))
    comment = "What the server's agent saw last through the proxy."
    op.add_column(_BINDINGS, c.json("agent_look", comment))


def downgrade() -> None:
    op.drop_column(_BINDINGS, "agent_look")
    op.drop_column(_SERVERS, "agent_report")
    op.drop_column(_SERVERS, "agent_seen_at")
    _force(on=False)
    op.execute(f"DELETE FROM {_TOKENS} WHERE server_id IS NOT NULL")  # noqa: S608 - our own words
    _force(on=True)
    _release()
    op.drop_index(op.f(f"{_TOKENS}_server_id_index"), _TOKENS)
    op.drop_column(_TOKENS, "server_id")


def _refer() -> None:
    """Add the foreign key; SQLite takes one only with its table, so it is edited there."""
    if c.dialect() == "sqlite":
        _edit(f"substr(rtrim(sql), 1, length(rtrim(sql)) - 1) || ', {_SQLITE_KEY})'")
        return
    op.create_foreign_key(op.f(_KEY), _TOKENS, _SERVERS, ["server_id"], ["id"], ondelete="CASCADE")


def _release() -> None:
    if c.dialect() == "sqlite":
        _edit(f"replace(sql, ', {_SQLITE_KEY}', '')")
        return
    op.drop_constraint(op.f(_KEY), _TOKENS, type_="foreignkey")


def _edit(sql: str) -> None:
    """Edit the table where SQLite keeps it, as its page on ALTER TABLE says (section 7)."""
    op.execute("PRAGMA writable_schema = ON")
    op.execute(
        f"UPDATE sqlite_master SET sql = {sql} WHERE type = 'table' AND name = '{_TOKENS}'"  # noqa: S608 - our own words
    )
    op.execute("PRAGMA writable_schema = RESET")


def _force(*, on: bool) -> None:
    """Let the owner of the table see every organization's rows meanwhile (PostgreSQL)."""
    if c.dialect() == "postgresql":
        op.execute(f"ALTER TABLE {_TOKENS} {'' if on else 'NO '}FORCE ROW LEVEL SECURITY")
