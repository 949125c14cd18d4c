"""Claims name the holding that they rest on; proofs their scope; suspensions who made them."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_28_1000"
down_revision = "2026_11_27_1040"
branch_labels = None
depends_on = None

_DOMAINS = "organization_domains"
_PROOFS = "domain_verifications"
_HOLDINGS = "name_holdings"
_BARE = "CASE WHEN full_domain LIKE '*.%' THEN substr(full_domain, 3) ELSE full_domain END"
_BELOW = {
    "sqlite": "'%.' || h.name",
    "postgresql": "'%.' || h.name",
    "mysql": "concat('%.', h.name)",
    "mariadb": "concat('%.', h.name)",
}
_COLUMNS = ("suspended_at", "own_suspension", "platform_suspension", "holding_name")


def upgrade() -> None:
    op.add_column(
        _DOMAINS,
        c.ascii_text(
            "holding_name",
            "Which holding of the organization the claim rests on: its own name or one above; "
            "NULL: none. Whether that is held still, `name_holdings` says.",
        ),
    )
    op.add_column(
        _DOMAINS,
        c.prose("platform_suspension", "Why the platform suspended the domain; NULL: it did not."),
    )
    op.add_column(
        _DOMAINS,
        c.prose(
            "own_suspension",
            "Why the organization itself suspended the domain; NULL: it did not.",
        ),
    )
    op.add_column(_DOMAINS, c.moment("suspended_at", "Since when the domain is suspended."))
    _proved_scope()
    with _whole_tables(_DOMAINS, _PROOFS, _HOLDINGS):
        _fill()


def downgrade() -> None:
    if c.dialect() != "sqlite":
        op.execute(f"ALTER TABLE {_PROOFS} DROP CONSTRAINT {_PROOFS}_proved_scope_check")
    op.drop_column(_PROOFS, "proved_scope")
    for column in _COLUMNS:
        op.drop_column(_DOMAINS, column)


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


def _proved_scope() -> None:
    comment = "How far the proof reaches; NULL before it was seen."
    name = f"{_PROOFS}_proved_scope_check"
    check = "CHECK (proved_scope IN ('exact', 'subtree'))"
    if c.dialect() == "sqlite":  # takes a CHECK only with the column
        op.execute(
            f"ALTER TABLE {_PROOFS} ADD COLUMN proved_scope\nVARCHAR(32) CONSTRAINT {name} {check}"
        )
        return
    op.add_column(_PROOFS, c.choice("proved_scope", comment, null=True))
    op.execute(f"ALTER TABLE {_PROOFS} ADD CONSTRAINT {name} {check}")


def _fill() -> None:
    """Let every live claim rest on what its organization holds; those without must prove anew."""
    below = _BELOW[c.dialect()]
    op.execute(
        f"UPDATE {_DOMAINS} SET holding_name = ("  # noqa: S608 - our own words
        f"SELECT h.name FROM {_HOLDINGS} h WHERE h.organization_id = {_DOMAINS}.organization_id "
        f"AND h.base = {_DOMAINS}.domain_name AND ("
        f"(h.name = {_BARE} AND (h.scope = 'subtree' OR full_domain = h.name)) "
        f"OR (h.scope = 'subtree' AND full_domain LIKE {below})) "
        "ORDER BY length(h.name) DESC LIMIT 1) "
        "WHERE deleted_at IS NULL AND verified_at IS NOT NULL"
    )
    op.execute(
        f"UPDATE {_DOMAINS} SET status = 'pending_verification', verified_at = NULL, "  # noqa: S608 - our own words
        "verification_expires_at = NULL WHERE deleted_at IS NULL AND holding_name IS NULL "
        "AND status IN ('verified', 'active')"
    )
    # Who suspended is not known: only the platform may end it.
    op.execute(
        f"UPDATE {_DOMAINS} SET platform_suspension = coalesce(error_message, 'Suspended.'), "  # noqa: S608 - our own words
        "suspended_at = updated_at WHERE status = 'suspended'"
    )
    op.execute(
        f"UPDATE {_PROOFS} SET proved_scope = CASE verification_method "  # noqa: S608 - our own words
        "WHEN 'dns_txt' THEN 'subtree' ELSE 'exact' END WHERE status = 'verified'"
    )
