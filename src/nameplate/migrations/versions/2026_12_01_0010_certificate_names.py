"""Names of certificates in a table of their own: they may belong to several domains."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from nameplate.migrations import columns as c

revision = "2026_12_01_0010"
down_revision = "2026_11_30_1230"
branch_labels = None
depends_on = None

_TABLE, _CERTIFICATES, _DOMAINS = "certificate_names", "ssl_certificates", "organization_domains"
_SPANNING = "ssl_certificates_spanning_index"
_BATCH = 1000

_names = sa.table(
    _TABLE,
    sa.column("organization_id", c.BIG),
    sa.column("ssl_certificate_id", c.BIG),
    sa.column("hostname", sa.String),
    sa.column("organization_domain_id", c.BIG),
)
_certificates = sa.table(
    _CERTIFICATES,
    sa.column("id", c.BIG),
    sa.column("organization_id", c.BIG),
    sa.column("organization_domain_id", c.BIG),
    sa.column("common_name", sa.String),
    sa.column("subject_alternative_names", c.JSON),
    sa.column("spans_domains", sa.Boolean),
)
_domains = sa.table(
    _DOMAINS,
    sa.column("id", c.BIG),
    sa.column("organization_id", c.BIG),
    sa.column("full_domain", sa.String),
    sa.column("deleted_at", c.MOMENT),
)


def upgrade() -> None:
    c.create(
        _TABLE,
        "Names that certificates are to cover.",
        c.owner(),
        c.big("ssl_certificate_id", "The certificate."),
        c.ascii_text("hostname", "Canonical name, `*.` allowed.", nullable=False),
        c.big(
            "organization_domain_id",
            "The domain that the name belongs to, where its proofs are written.",
        ),
        sa.PrimaryKeyConstraint("ssl_certificate_id", "hostname", name=op.f(f"{_TABLE}_pkey")),
        c.refers(_TABLE, "organization_id", "organizations"),
        c.belongs(_TABLE, "ssl_certificate_id", _CERTIFICATES),
        c.belongs(_TABLE, "organization_domain_id", _DOMAINS),
    )
    c.index(
        _TABLE, "organization_domain_id", "hostname", name="certificate_names_domain_host_index"
    )
    comment = "Names that it is to cover and does not, separated by spaces; NULL: none."
    op.add_column(_CERTIFICATES, c.prose("lost_names", comment))
    _force("NO FORCE", _CERTIFICATES, _DOMAINS)
    if op.get_context().as_sql:
        op.execute(_print())
    else:
        connection = op.get_bind()
        for rows in _batches(connection):
            connection.execute(_names.insert(), rows)
    _force("FORCE", _CERTIFICATES, _DOMAINS)
    c.isolate(_TABLE)
    op.drop_index(_SPANNING, _CERTIFICATES)
    op.drop_column(_CERTIFICATES, "spans_domains")


def downgrade() -> None:
    comment = "It covers names of other domains of the organization, too."
    op.add_column(_CERTIFICATES, c.flag("spans_domains", comment, default=False))
    c.index(_CERTIFICATES, "organization_id", "spans_domains", name=_SPANNING)
    _force("NO FORCE", _CERTIFICATES, _TABLE)
    elsewhere = sa.exists().where(
        _names.c.organization_id == _certificates.c.organization_id,
        _names.c.ssl_certificate_id == _certificates.c.id,
        _names.c.organization_domain_id != _certificates.c.organization_domain_id,
    )
    op.execute(_certificates.update().where(elsewhere).values(spans_domains=sa.true()))
    _force("FORCE", _CERTIFICATES)
    op.drop_column(_CERTIFICATES, "lost_names")
    op.drop_table(_TABLE)


def _print() -> str:
    """Return one statement for all certificates: a script cannot look whose domain is closest.

    What is uploaded for several domains is noted for the certificate's own.
    """
    each = {
        "sqlite": "json_each(coalesce(c.subject_alternative_names, json_array(c.common_name))) n",
        "postgresql": "json_array_elements_text(coalesce(c.subject_alternative_names::json, "
        "json_build_array(c.common_name))) n(value)",
    }
    listed = "json_table(coalesce(c.subject_alternative_names, json_array(c.common_name)), '$[*]' "
    listed += "COLUMNS (value varchar(255) PATH '$')) n"
    return (
        f"INSERT INTO {_TABLE} (organization_id, ssl_certificate_id, hostname, organization_domain_id)\n"
        "SELECT DISTINCT c.organization_id, c.id, n.value, c.organization_domain_id\n"
        f"FROM {_CERTIFICATES} c, {each.get(c.dialect(), listed)}"
    )


def _batches(connection: sa.Connection) -> Iterator[list[dict[str, Any]]]:
    """Yield the names of all certificates, some certificates at a time."""
    last = 0
    while True:
        query = sa.select(_certificates).where(_certificates.c.id > last)
        found = connection.execute(query.order_by(_certificates.c.id).limit(_BATCH)).all()
        if not found:
            return
        last = found[-1].id
        claims = _claims(connection, {row.organization_id for row in found if row.spans_domains})
        yield [one for row in found for one in _rows(row, claims.get(row.organization_id, {}))]


def _claims(connection: sa.Connection, owners: Iterable[int]) -> dict[int, dict[str, int]]:
    """Return the live domains of these organizations, by their name without `*.`."""
    found: dict[int, dict[str, int]] = {owner: {} for owner in owners}
    live = _domains.c.organization_id.in_(sorted(found)), _domains.c.deleted_at.is_(None)
    query = sa.select(_domains).where(*live).order_by(_domains.c.id.desc())
    for row in connection.execute(query) if found else ():
        found[row.organization_id][row.full_domain.removeprefix("*.")] = row.id
    return found


def _rows(row: Any, claims: Mapping[str, int]) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - a row
    names = row.subject_alternative_names or [row.common_name]
    main = next((name for name, one in claims.items() if one == row.organization_domain_id), None)
    for name in sorted(set(names)):
        yield {
            "organization_id": row.organization_id,
            "ssl_certificate_id": row.id,
            "hostname": name,
            "organization_domain_id": _closest(name, main, claims) or row.organization_domain_id,
        }


def _closest(name: str, main: str | None, claims: Mapping[str, int]) -> int | None:
    """Return the domain that a name belongs to, None for that of its certificate."""
    labels = name.removeprefix("*.").split(".")
    above = [".".join(labels[start:]) for start in range(len(labels))]
    if main in above:
        return None
    return next((claims[one] for one in above if one in claims), None)


def _force(word: str, *tables: str) -> None:
    """Bind the tables' owner to row-level security again, or not for a while (PostgreSQL)."""
    if c.dialect() == "postgresql":
        for table in tables:
            op.execute(f"ALTER TABLE {table} {word} ROW LEVEL SECURITY")
