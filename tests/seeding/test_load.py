"""The seeder: a world that shows everything, and bulk rows that are the same every time."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.x509 import load_pem_x509_certificate

from nameplate.core import keys, names, rdata
from nameplate.core.actor import PLATFORM
from nameplate.core.encryption import KeyRing
from nameplate.core.errors import Conflict, NotPermitted
from nameplate.core.lifecycle import (
    BindingStatus,
    CertificateStatus,
    DomainStatus,
    HealthStatus,
    RecordStatus,
    VerificationStatus,
)
from nameplate.db import Sessions, engine
from nameplate.models import (
    Binding,
    Certificate,
    CertificateType,
    Domain,
    DomainType,
    NameHolding,
    Organization,
    ProxyType,
    Record,
    RecordableType,
    RecordType,
    Server,
    Verification,
    VerificationMethodName,
    metadata,
)
from nameplate.seeding import load
from nameplate.seeding.rows import SeedWorld, Size
from nameplate.usecases.certificates.requests import key_place

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SIZE = Size(organizations=7, domains=60, records_per_domain=14)


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing({"k1": bytes(range(32))}, "k1")


def quiet(_table: str, _done: int, _total: int) -> None:
    pass


def everything(sessions: Sessions) -> dict[str, Sequence[Any]]:
    with sessions.system_engine.connect() as connection:
        tables = (metadata.tables[name] for name in load.TABLES)
        return {
            table.name: connection.execute(sa.select(table).order_by(*table.primary_key)).all()
            for table in tables
        }


def test_the_world_shows_everything_once(sessions: Sessions, ring: KeyRing) -> None:
    counts, made = load.world(sessions, ring, NOW)
    assert made
    assert counts["organizations"] == 3
    shown = (
        (Domain.status, DomainStatus), (Domain.domain_type, DomainType),
        (Record.record_type, RecordType), (Record.status, RecordStatus),
        (Record.recordable_type, (*RecordableType, None)),
        (Certificate.status, CertificateStatus), (Certificate.certificate_type, CertificateType),
        (Verification.verification_method, VerificationMethodName),
        (Verification.status, VerificationStatus),
        (Binding.proxy_type, ProxyType), (Binding.status, BindingStatus),
        (Binding.health_status, HealthStatus),
    )  # fmt: skip
    with sessions.begin(PLATFORM) as session:
        for column, values in shown:
            assert set(session.scalars(sa.select(column))) == set(values), column
        parents = session.scalars(sa.select(Organization.parent_organization_id)).all()
        assert len([parent for parent in parents if parent]) == 1
        assert session.scalars(sa.select(Server.organization_id)).all().count(None) == 1


def test_the_world_holds_what_is_verified_and_only_that(sessions: Sessions, ring: KeyRing) -> None:
    load.world(sessions, ring, NOW)
    with sessions.begin(PLATFORM) as session:
        domains = session.scalars(sa.select(Domain)).all()
        held = set(session.scalars(sa.select(NameHolding.organization_domain_id)))
    assert held == {row.id for row in domains if row.verified_at}
    for row in domains:
        parsed = names.parse(row.full_domain, wildcard=True, special_use=True)
        assert (parsed.registrable, parsed.subdomain) == (row.domain_name, row.subdomain)


def test_the_worlds_certificates_are_real_and_their_keys_are_sealed(
    sessions: Sessions, ring: KeyRing
) -> None:
    load.world(sessions, ring, NOW)
    with sessions.begin(PLATFORM) as session:
        rows = session.scalars(sa.select(Certificate).where(Certificate.certificate.is_not(None)))
        for row in rows:
            leaf = load_pem_x509_certificate((row.certificate or "").encode())
            assert row.private_key is not None
            key = ring.open(row.private_key, key_place(row))
            assert keys.load(key).public_key() == leaf.public_key()
            assert leaf.not_valid_after_utc == row.expires_at
            assert (row.status is CertificateStatus.EXPIRED) == (leaf.not_valid_after_utc < NOW)


def test_a_second_run_knows_its_world(sessions: Sessions, ring: KeyRing) -> None:
    load.world(sessions, ring, NOW)
    before = everything(sessions)
    _counts, made = load.world(sessions, ring, NOW)
    assert not made
    assert everything(sessions) == before


def test_other_rows_are_refused_and_left_alone(sessions: Sessions, ring: KeyRing) -> None:
    with sessions.begin(PLATFORM) as session:
        session.add(Organization(name="Acme", slug="acme"))
    before = everything(sessions)
    for fill in (
        lambda: load.world(sessions, ring, NOW),
        lambda: load.load(sessions, SIZE, seed=1, at=NOW, progress=quiet),
    ):
        with pytest.raises(Conflict) as caught:
            fill()
        assert caught.value.code == "database_not_empty"
    assert everything(sessions) == before


def test_bulk_rows_are_exact_and_pass_every_constraint(sessions: Sessions) -> None:
    told: list[tuple[str, int, int]] = []
    counts = load.load(sessions, SIZE, seed=1, at=NOW, progress=lambda *step: told.append(step))
    assert counts["organizations"] == 7
    assert counts["organization_domains"] == 60
    assert counts["dns_records"] == 60 * 14
    assert {table for table, done, total in told if done == total} == set(load.TABLES) - {
        "accounts"
    }
    with sessions.begin(PLATFORM) as session:
        per_domain = Counter(session.scalars(sa.select(Record.organization_domain_id)))
        assert set(per_domain.values()) == {14}
        for record in session.scalars(sa.select(Record)):
            assert record.value_digest == hashlib.sha256(record.value.encode()).hexdigest()


def test_ids_go_on_behind_the_bulk_rows(sessions: Sessions) -> None:
    load.load(sessions, SIZE, seed=1, at=NOW, progress=quiet)
    with sessions.begin(PLATFORM) as session:
        row = Organization(name="Acme", slug="acme")
        session.add(row)
        session.flush()
        claim = Domain(organization_id=row.id, domain_name="acme.com")
        session.add(claim)
        session.flush()
        assert row.id > 7
        assert claim.id > 60


def test_the_same_seed_gives_the_same_rows() -> None:
    def of(seed: int) -> list[tuple[Any, ...]]:
        return [
            row for part in SeedWorld(SIZE, seed, NOW).loads() for row in part.rows(lambda _: None)
        ]

    assert of(5) == of(5)
    assert of(5) != of(6)


def test_bulk_rows_are_what_the_product_itself_would_store() -> None:
    size = Size(organizations=20, domains=80, records_per_domain=130)
    world = SeedWorld(size, 3, NOW)
    parts = {part.table: part for part in world.loads()}
    for number in range(1, size.domains + 1):
        it = world.domain(number)
        parsed = names.parse(it.name, wildcard=True)
        assert (parsed.name, parsed.registrable, parsed.subdomain) == (
            it.name,
            it.base,
            it.subdomain,
        )
    kinds = set()
    columns = parts["dns_records"].columns
    for row in parts["dns_records"].rows(lambda _: None):
        record = dict(zip(columns, row, strict=True))
        kinds.add(record["record_type"])
        numbers = {k: record[k] for k in ("priority", "weight", "port") if record[k] is not None}
        value = record["value"]
        parsed_value = rdata.parse(record["record_type"], value, origin="seeded.net", **numbers)
        assert parsed_value.fields.value == value
    assert kinds == {"A", "AAAA", "CNAME", "MX", "TXT", "SRV", "CAA", "NS", "PTR"}


def test_no_bulk_row_needs_an_escape_and_times_lie_where_they_should() -> None:
    world = SeedWorld(Size(organizations=20, domains=500, records_per_domain=12), 4, NOW)
    for part in world.loads():
        for row in part.rows(lambda _: None):
            fields = dict(zip(part.columns, row, strict=True))
            assert not any(set(str(field)) & set("\\\t\n\r") for field in row)
            if "created_at" in fields:
                assert fields["created_at"] <= world.at(0)


def test_progress_never_goes_back() -> None:
    told: list[int] = []
    part = SeedWorld(Size(1, 9000, 0), 1, NOW).loads()[3]
    assert sum(1 for _ in part.rows(told.append)) == 9000
    assert told == [4096, 8192, 9000]
    assert all(one < other for one, other in pairwise(told))


def test_an_unmigrated_database_is_refused(database_url: str, ring: KeyRing) -> None:
    sessions = Sessions(engine(database_url))
    with pytest.raises(Conflict) as caught:
        load.world(sessions, ring, NOW)
    sessions.dispose()
    assert caught.value.code == "schema_absent"


def test_a_role_below_row_level_security_is_refused(
    migrated_postgresql_url: str, ring: KeyRing
) -> None:
    sessions = Sessions(engine(migrated_postgresql_url))  # the owner, bound by FORCE
    with pytest.raises(NotPermitted) as caught:
        load.load(sessions, SIZE, seed=1, at=NOW, progress=quiet)
    sessions.dispose()
    assert caught.value.code == "seed_needs_system_role"
