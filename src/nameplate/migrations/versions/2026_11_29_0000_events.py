"""What happened to objects, and the numbers in whose order readers see it.

No foreign keys: an event outlives what it tells of. Tenants read and add their own events and can
change none. A binding remembers that it fails while it is tried again, so that this is told once.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_29_0000"
down_revision = "2026_11_28_1945"
branch_labels = None
depends_on = None

_TABLE = "events"
_COUNTERS = "event_counters"
_ACTORS = ("organization", "operator", "worker")
_POSITION = (
    "Place among all events, in the order in which readers see them; NULL: not numbered yet."
)
_BINDINGS = "application_domain_bindings"
_FAILING = "It failed, and no probe has seen the application through the proxy since."
_MINE = "organization_id = NULLIF(current_setting('nameplate.organization_id', true), '')::bigint"


def upgrade() -> None:
    _events()
    c.create(
        _COUNTERS,
        "The last number given to an event, in all and for each organization.",
        c.ascii_text("stream", "`all`, `platform`, `organization:7`.", 40, nullable=False),
        sa.Column(
            "number", c.BIG, nullable=False, server_default="0", comment="The last number given."
        ),
        c.primary(_COUNTERS, "stream"),
    )
    if c.dialect() == "postgresql":
        _isolate()
    _mark_failing()


def _events() -> None:
    c.create(
        _TABLE,
        "What happened to objects, and who caused it; rows are added and purged, never changed.",
        *_columns(),
        c.primary(_TABLE),
        c.allowed(_TABLE, "actor", _ACTORS),
    )
    c.index(_TABLE, "position", name="events_position_unique", unique=True)
    c.index(_TABLE, "organization_id", "position", name="events_organization_index")
    c.index(_TABLE, "object_type", "object_id", name="events_object_index")
    c.index(_TABLE, "organization_domain_id", name="events_domain_index")


def _columns() -> list[sa.Column[Any]]:
    return [
        c.big("id", "Identity of the row, in the order of writing."),
        c.big("position", _POSITION, null=True),
        c.big(
            "sequence",
            "Number among the events of the organization, without gaps; NULL likewise.",
            null=True,
        ),
        c.owner("The organization in whose feed it is; NULL: the platform's own.", null=True),
        c.ascii_text(
            "type",
            "What happened: `domain.verified`, `certificate.renewed` ...",
            64,
            nullable=False,
        ),
        c.ascii_text(
            "object_type", "Kind of the object: `domain`, `certificate` ...", 32, nullable=False
        ),
        c.big("object_id", "Its id."),
        c.big("organization_domain_id", "The domain that it is about, if any.", null=True),
        c.ascii_text("hostname", "The host name that it is about, if any.", 511),
        c.choice("actor", "Who caused it."),
        c.text("actor_name", "Name of the token, or of what acted; NULL for a worker."),
        c.big("token_id", "The token that acted, if any.", null=True),
        c.ascii_text("request_id", "The request that led to it, as it was answered.", 64),
        c.json("before", "Declared columns as they were, where they changed.", null=False),
        c.json("after", "The same as they are now, and what explains the event.", null=False),
        c.moment("at", "When it happened (UTC).", now=True),
    ]


def _isolate() -> None:
    for table in (_TABLE, _COUNTERS):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY events_seen ON events FOR SELECT USING ({_MINE})")
    op.execute(f"CREATE POLICY events_told ON events FOR INSERT WITH CHECK ({_MINE})")


def downgrade() -> None:
    op.drop_table(_COUNTERS)
    op.drop_table(_TABLE)
    op.drop_column(_BINDINGS, "is_failing")


def _mark_failing() -> None:
    """Note which bindings fail already; FORCE hides their rows from the owner too."""
    op.add_column(_BINDINGS, c.flag("is_failing", _FAILING, default=False))
    forced = c.dialect() == "postgresql"
    if forced:
        op.execute(f"ALTER TABLE {_BINDINGS} NO FORCE ROW LEVEL SECURITY")
    op.execute(f"UPDATE {_BINDINGS} SET is_failing = TRUE WHERE status = 'error'")  # noqa: S608 - our own words
    if forced:
        op.execute(f"ALTER TABLE {_BINDINGS} FORCE ROW LEVEL SECURITY")
