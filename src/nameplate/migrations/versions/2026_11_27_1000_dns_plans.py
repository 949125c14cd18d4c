"""Stored plans of DNS changes, drift, and the record types beyond the specification's ten."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from nameplate.migrations import columns as c

revision = "2026_11_27_1000"
down_revision = "2026_11_23_1070"
branch_labels = None
depends_on = None

_OLD = ("A", "AAAA", "CNAME", "MX", "TXT", "SRV", "CAA", "NS", "SOA", "PTR")
_NEW = ("HTTPS", "SVCB", "DS", "TLSA", "SSHFP", "ALIAS", "ANAME")
_TYPED = ("dns_records", "dns_ledger")
_POLICIES = ("off", "report", "repair")
_DOMAINS = "organization_domains"
_PACKED = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), *c.MARIADB)


def upgrade() -> None:
    _admit(_OLD, (*_OLD, *_NEW))
    op.add_column(
        "dns_records",
        c.moment(
            "drifted_at",
            "Since when the provider has something else, though nobody changed it here.",
        ),
    )
    op.add_column(
        "dns_ledger",
        c.moment(
            "absent_at",
            "When a reading first lacked a value that is to go: readings may lag behind.",
        ),
    )
    _drift_policy()
    op.add_column(
        _DOMAINS,
        c.moment("drift_checked_at", "When the zone was compared with what is wanted last."),
    )
    op.add_column(
        _DOMAINS,
        c.json(
            "drift",
            "What somebody else changed: since when, expected, observed, plan to repair.",
        ),
    )
    _dns_plans()


def downgrade() -> None:
    op.drop_table("dns_plans")
    if c.dialect() != "sqlite":
        op.execute(f"ALTER TABLE {_DOMAINS} DROP CONSTRAINT {_DOMAINS}_drift_policy_check")
    for column in ("drift", "drift_checked_at", "drift_policy"):
        op.drop_column(_DOMAINS, column)
    op.drop_column("dns_ledger", "absent_at")
    op.drop_column("dns_records", "drifted_at")
    # The older release cannot name these types: what it manages of them stays at the provider.
    for table in _TYPED:
        _force(table, on=False)
        op.execute(f"DELETE FROM {table} WHERE record_type IN ({_listed(_NEW)})")  # noqa: S608 - our own words
        _force(table, on=True)
    _admit((*_OLD, *_NEW), _OLD)


def _force(table: str, *, on: bool) -> None:
    """Let the table's owner see every organization's rows meanwhile (PostgreSQL)."""
    if c.dialect() == "postgresql":
        op.execute(f"ALTER TABLE {table} {'' if on else 'NO '}FORCE ROW LEVEL SECURITY")


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _admit(old: Sequence[str], new: Sequence[str]) -> None:
    """Change which record types the two tables take."""
    if c.dialect() == "sqlite":
        _admit_on_sqlite(old, new)
        return
    for table in _TYPED:
        name = f"{table}_record_type_check"
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK (record_type IN ({_listed(new)}))"
        )


def _admit_on_sqlite(old: Sequence[str], new: Sequence[str]) -> None:
    """Edit the CHECKs where SQLite keeps them, as its page on ALTER TABLE says (section 7).

    Copying the tables would take long for millions of records. Other connections read the schema
    again because this revision also makes, or drops, a table.
    """
    before, after = (f"record_type IN ({_listed(words)})" for words in (old, new))
    op.execute("PRAGMA writable_schema = ON")
    quoted = [text.replace("'", "''") for text in (before, after)]
    op.execute(
        f"UPDATE sqlite_master SET sql = replace(sql, '{quoted[0]}', '{quoted[1]}') "  # noqa: S608 - our own words
        f"WHERE type = 'table' AND name IN ({_listed(_TYPED)})"
    )
    op.execute("PRAGMA writable_schema = RESET")


def _drift_policy() -> None:
    comment = "What to do when somebody else changes our records at the provider."
    check = f"CHECK (drift_policy IN ({_listed(_POLICIES)}))"
    name = f"{_DOMAINS}_drift_policy_check"
    if c.dialect() == "sqlite":  # takes a CHECK only with the column
        # On a line of its own: SQLAlchemy reads a generated column up to the end of its line.
        op.execute(
            f"ALTER TABLE {_DOMAINS} ADD COLUMN drift_policy\nVARCHAR(32) "
            f"DEFAULT 'report' NOT NULL CONSTRAINT {name} {check}"
        )
        return
    op.add_column(_DOMAINS, c.choice("drift_policy", comment, "report"))
    op.execute(f"ALTER TABLE {_DOMAINS} ADD CONSTRAINT {name} {check}")


def _dns_plans() -> None:
    c.create(
        "dns_plans",
        "Plans of DNS changes, and what became of them.",
        *c.identity(),
        c.owner(),
        c.big("organization_domain_id", "The domain whose records are planned."),
        c.ascii_text("zone", "Apex of the zone at the provider.", nullable=False),
        c.choice("status", "Where the plan stands.", "ready"),
        c.choice("origin", "Why it was made."),
        c.flag("forced", "Whoever applied it accepted that it changes much.", default=False),
        c.flag(
            "adopting", "Wanted values that others put into the zone become ours.", default=False
        ),
        c.ascii_text(
            "fingerprint", "SHA-256 of the zone that it was made from.", 64, nullable=False
        ),
        c.ascii_text(
            "wanted_fingerprint",
            "SHA-256 of the domain's records that it was made from.",
            64,
            nullable=False,
        ),
        sa.Column("expires_at", c.MOMENT, nullable=False, comment="Until when it may be applied."),
        sa.Column(
            "content",
            _PACKED,
            nullable=False,
            comment="Edits of records and changes of the zone, deflated JSON.",
        ),
        sa.Column(
            "report", _PACKED, nullable=True, comment="What became of each change, deflated JSON."
        ),
        c.text("created_by", "Who made it."),
        c.text("applied_by", "Who applied it."),
        c.moment("applied_at", "When the provider was told."),
        c.big("undoes_id", "The plan that it takes back.", null=True),
        c.prose("error_message", "What is wrong, in words for a person."),
        c.json("metadata", "The host platform's own keys."),
        c.primary("dns_plans"),
        c.pair("dns_plans"),
        c.refers("dns_plans", "organization_id", "organizations"),
        c.belongs("dns_plans", "organization_domain_id", "organization_domains"),
        c.allowed("dns_plans", "status", ("ready", "applying", "applied", "failed", "undone")),
        c.allowed("dns_plans", "origin", ("request", "undo", "drift")),
    )
    c.index("dns_plans", "organization_domain_id", "status", name="dns_plans_domain_index")
    c.isolate("dns_plans")
