"""Groups of servers, their regions, and how bindings are there at each server of a group."""

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_12_07_0010"
down_revision = "2026_12_06_0310"
branch_labels = None
depends_on = None

_GROUPS, _SERVERS, _BINDINGS = "server_groups", "servers", "application_domain_bindings"
_PLACEMENTS = "binding_placements"
_COLUMN = "server_group_id"
_REFERRING = {
    _SERVERS: "The group that the server is in; NULL: it serves alone.",
    _BINDINGS: "The group of servers that all serve the host; it has no `server_id` then.",
}


def upgrade() -> None:
    _server_groups()
    op.add_column(
        _SERVERS, c.ascii_text("region", "Where the server is, as its operator calls it.", 63)
    )
    for table, comment in _REFERRING.items():
        op.add_column(table, c.big(_COLUMN, comment, null=True))
        _refer(table)
        c.index(table, _COLUMN)
    _binding_placements()


def downgrade() -> None:
    op.drop_table(_PLACEMENTS)
    for table in _REFERRING:
        _release(table)
        op.drop_index(op.f(f"{table}_{_COLUMN}_index"), table)
        op.drop_column(table, _COLUMN)
    op.drop_column(_SERVERS, "region")
    op.drop_table(_GROUPS)


def _server_groups() -> None:
    c.create(
        _GROUPS,
        "Servers that serve the same hosts; without organization: shared by all.",
        *c.identity(),
        c.owner("The organization that owns this row; NULL: shared by the platform.", null=True),
        c.text("name", "Name for people.", null=False),
        c.json("metadata", "The host platform's own keys."),
        *c.soft_delete(),
        c.primary(_GROUPS),
        c.refers(_GROUPS, "organization_id", "organizations"),
        sa.CheckConstraint("name <> ''", name=op.f(f"{_GROUPS}_name_filled_check")),
    )
    c.index(_GROUPS, "organization_id")
    c.isolate(_GROUPS, shared=True)


def _binding_placements() -> None:
    c.create(
        _PLACEMENTS,
        "How bindings on groups of servers are there at each server.",
        c.owner(),
        c.big("binding_id", "The binding."),
        c.big("server_id", "The server, which may have left the group and serve it still."),
        c.prose("served_digest", "SHA-256 of the route in that configuration."),
        c.prose("served_serial", "Serial number of the certificate in that configuration."),
        c.prose("seen_serial", "Serial number of the certificate that a probe saw last."),
        c.moment("seen_serial_at", "Since when probes see it."),
        c.prose(
            "refused_serial",
            "Serial number of the certificate that the proxy refused; the former one is served.",
        ),
        c.moment("refused_since", "When it refused that first."),
        c.moment("refused_at", "When it refused that last."),
        c.prose("refusal", "Why, in words for a person."),
        c.json("agent_look", "What the server's agent saw last through the proxy."),
        c.number("failures", "Looks in a row that did not see it answer there.", "0"),
        c.moment("looked_at", "When a look there last told something new."),
        c.moment("withheld_at", "Since when DNS does not lead to the server; NULL: it does."),
        c.prose("trouble", "What is wrong there, in words for a person."),
        sa.PrimaryKeyConstraint("binding_id", "server_id", name=op.f(f"{_PLACEMENTS}_pkey")),
        c.refers(_PLACEMENTS, "organization_id", "organizations"),
        c.belongs(_PLACEMENTS, "binding_id", _BINDINGS),
        c.refers(_PLACEMENTS, "server_id", _SERVERS),
    )
    c.index(_PLACEMENTS, "server_id")
    c.isolate(_PLACEMENTS)


def _key(table: str) -> str:
    return f"{table}_{_GROUPS}_foreign"


def _in_sqlite(table: str) -> str:
    return (
        f", CONSTRAINT {_key(table)} FOREIGN KEY({_COLUMN}) REFERENCES {_GROUPS} (id) "
        "ON DELETE SET NULL"
    )


def _refer(table: str) -> None:
    """Add the foreign key; SQLite takes one only with its table, so it is edited there."""
    if c.dialect() == "sqlite":
        _edit(table, f"substr(rtrim(sql), 1, length(rtrim(sql)) - 1) || '{_in_sqlite(table)})'")
        return
    op.create_foreign_key(op.f(_key(table)), table, _GROUPS, [_COLUMN], ["id"], ondelete="SET NULL")


def _release(table: str) -> None:
    if c.dialect() == "sqlite":
        _edit(table, f"replace(sql, '{_in_sqlite(table)}', '')")
        return
    op.drop_constraint(op.f(_key(table)), table, type_="foreignkey")


def _edit(table: str, sql: str) -> None:
    """Edit the table where SQLite keeps it, as its page on ALTER TABLE says (section 7)."""
    op.execute("PRAGMA writable_schema = ON")
    op.execute(
        f"UPDATE sqlite_master SET sql = {sql} WHERE type = 'table' AND name = '{table}'"  # noqa: S608 - our own words
    )
    op.execute("PRAGMA writable_schema = RESET")
