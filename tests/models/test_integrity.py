"""What the databases themselves refuse and keep: decisions S2 to S16, on all three."""

from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from tests.models import world
from tests.models.refusals import refused

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict
from nameplate.db import database_now
from nameplate.models import (
    Binding,
    CertificateWatch,
    Model,
    Organization,
    Record,
    RecordableType,
    RecordType,
    Server,
    UserSession,
    Verification,
    WatchKind,
)
from nameplate.models.people import SignInMethod
from nameplate.models.records import digest

TABLES = Model.metadata.tables
TENANT_TABLES = [t for t in Model.metadata.sorted_tables if "organization_id" in t.c]


def test_a_second_apex_of_the_same_organization_is_refused(session):  # S2
    acme, other = world.organization(session), world.organization(session)
    world.domain(session, acme)
    world.domain(session, other)
    world.domain(session, acme, subdomain="www")
    refused(session, lambda: world.domain(session, acme))
    refused(session, lambda: world.domain(session, acme, subdomain="www"))


def test_a_name_can_be_added_again_after_its_soft_deletion(session):  # S3
    acme = world.organization(session, external_id="7")
    for _ in range(3):
        world.domain(session, acme).deleted_at = world.NOW
        session.flush()
    world.domain(session, acme)
    refused(session, lambda: world.domain(session, acme))
    refused(session, lambda: world.organization(session, external_id="7"))
    acme.deleted_at = world.NOW
    session.flush()
    world.organization(session, external_id="7", slug=acme.slug)


def test_a_long_text_is_stored_and_its_duplicate_refused(session):  # S4
    claim = world.domain(session, world.organization(session))
    value = '"' + '" "'.join(["x" * 255] * 240) + '"'
    assert len(value) > 60 * 1024
    columns = {"record_type": RecordType.TXT, "name": "big", "value": value}
    row = world.record(session, claim, **columns)
    session.expire(row)
    assert row.value == value
    assert row.value_digest == digest(value)
    refused(session, lambda: world.record(session, claim, **columns))
    world.record(session, claim, **(columns | {"value": value + " "}))
    world.record(session, claim, **(columns | {"value": value.replace("x", "X")}))
    row.deleted_at = world.NOW
    session.flush()
    world.record(session, claim, **columns)


def test_the_digest_follows_the_value(session):  # S4
    row = world.record(session, world.domain(session, world.organization(session)))
    row.value = "192.0.2.77"
    session.flush()
    assert row.value_digest == digest("192.0.2.77")


def test_a_record_belongs_to_a_resource_or_to_none(session):  # S5
    claim = world.domain(session, world.organization(session))
    world.record(session, claim)
    world.record(session, claim, recordable_type=RecordableType.SERVER, recordable_id=1)
    refused(session, lambda: world.record(session, claim, recordable_id=1))
    refused(session, lambda: world.record(session, claim, recordable_type=RecordableType.SERVER))


def test_deleting_an_organization_removes_its_whole_tree(session):  # S7
    top = world.organization(session)
    below = world.organization(session, parent_organization_id=top.id)
    world.everything(session, top, "acme.com")
    world.everything(session, below, "acme.net")
    kept = world.organization(session)
    world.everything(session, kept, "kept.com")
    session.connection().execute(
        sa.delete(TABLES["organizations"]).where(Organization.id == top.id)
    )
    for table in TENANT_TABLES:
        if table.name == "events":
            continue  # they outlive what they tell of
        owners = session.connection().scalars(sa.select(table.c.organization_id)).all()
        assert set(owners) <= {kept.id}, table.name
        assert table.name == "api_tokens" or owners, table.name


def test_claims_repeat_and_holdings_do_not(session):  # S8
    acme, other = world.organization(session), world.organization(session)
    mine, theirs = world.domain(session, acme), world.domain(session, other)
    world.holding(session, mine)
    refused(session, lambda: world.holding(session, theirs))


def test_bindings_count_hosts_and_paths(session):  # S9
    acme = world.organization(session)
    app, claim = world.application(session, acme), world.domain(session, acme)
    world.binding(session, app, claim)
    world.binding(session, app, claim, path="/docs")
    world.binding(session, app, claim, path="/Docs")
    world.binding(session, app, claim, subdomain="api")
    refused(session, lambda: world.binding(session, app, claim))
    refused(session, lambda: world.binding(session, app, claim, subdomain="api"))
    for row in session.scalars(sa.select(Binding)):
        row.deleted_at = world.NOW
    session.flush()
    world.binding(session, app, claim)


def test_the_database_joins_the_full_name(session):  # S10
    acme = world.organization(session)
    apex, below = world.domain(session, acme), world.domain(session, acme, subdomain="platform")
    session.refresh(apex)
    session.refresh(below)
    assert (apex.full_domain, below.full_domain) == ("acme.com", "platform.acme.com")
    below.subdomain = None
    below.domain_name = "acme.net"
    session.flush()
    session.refresh(below)
    assert below.full_domain == "acme.net"


ENUMS = [
    (table, column.name, column.type.enums)
    for table in Model.metadata.sorted_tables
    for column in table.c
    if isinstance(column.type, sa.Enum)
]


def _execute(session: Session, change: sa.TextClause, values: dict[str, Any]) -> None:
    session.connection().execute(change, values)


def test_every_word_is_admitted_and_no_other(session):  # S11
    watch = CertificateWatch(kind=WatchKind.CAA, key="0", name="acme.com", next_look_at=world.NOW)
    visit = UserSession(
        user_id=world.user(session).id, token_hash="0" * 64, method=SignInMethod.PASSWORD,
        last_seen_at=world.NOW, expires_at=world.NOW,
    )  # fmt: skip
    session.add_all([watch, visit])
    session.flush()
    rows = {
        **world.everything(session, world.organization(session)),
        CertificateWatch.__tablename__: watch,
        UserSession.__tablename__: visit,
    }
    for table, name, words in ENUMS:
        key = next(iter(table.primary_key.columns))
        quoted = session.connection().dialect.identifier_preparer.quote(key.name)
        identity = sa.inspect(rows[table.name]).identity[0]
        change = sa.text(f"UPDATE {table.name} SET {name} = :word WHERE {quoted} = :id")
        for word in words:
            extra = {"word": word, "id": identity}
            if name == "recordable_type":  # needs its id (S5)
                world_change = change.text.replace(" SET ", " SET recordable_id = 1, ")
                session.connection().execute(sa.text(world_change), extra)
            else:
                session.connection().execute(change, extra)
        for wrong in ("nonsense", word.swapcase(), word + " ", ""):
            bad = {"word": wrong, "id": identity}
            # The connection is asked for inside: only then does the savepoint begin.
            refused(session, partial(_execute, session, change, bad))


def test_tokens_and_names_are_compared_byte_by_byte(session):  # S14
    claim = world.domain(session, world.organization(session))
    for token in ("aBc", "abc", "abc ", " abc", "ABC"):
        world.verification(session, claim, verification_token=token)
    refused(session, lambda: world.verification(session, claim, verification_token="abc"))
    query = sa.select(Verification).where(Verification.verification_token == "abc ")
    assert [row.verification_token for row in session.scalars(query)] == ["abc "]
    for name in ("www", "www "):
        world.record(session, claim, name=name, value="192.0.2.1")
    found = session.scalars(sa.select(Record.name).where(Record.name == "www")).all()
    assert found == ["www"]


def test_texts_for_people_keep_every_character(session):  # S14
    name = "Ünïcödé 😀 \u202e"
    row = world.organization(session, name=name, metadata_={"k": name})
    session.expire(row)
    assert (row.name, row.metadata_) == (name, {"k": name})


def test_times_come_back_aware_in_utc_with_microseconds(session):  # S15
    row = world.domain(session, world.organization(session))
    row.expires_at = world.NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    session.flush()
    session.expire(row)
    assert row.expires_at == world.NOW
    assert row.expires_at.tzinfo is UTC
    assert abs(row.created_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert abs(database_now(session) - datetime.now(UTC)) < timedelta(minutes=1)


def test_naive_times_are_refused(session):  # S15
    row = world.domain(session, world.organization(session))
    row.expires_at = datetime(2026, 1, 1)  # noqa: DTZ001 - the point of the test
    with pytest.raises(sa.exc.StatementError, match="Naive datetime"):
        session.flush()


def test_update_touches_updated_at(session):
    row = world.domain(session, world.organization(session))
    session.connection().execute(
        sa.update(TABLES["organization_domains"]).values(updated_at=world.NOW)
    )
    row.notes = "changed"
    session.flush()
    session.refresh(row)
    assert row.updated_at > world.NOW - timedelta(days=1)
    assert row.updated_at != world.NOW


def test_organizations_form_a_tree_and_carry_the_hosts_ids(session):  # S16
    top = world.organization(session, external_id="host-1")
    below = world.organization(session, parent_organization_id=top.id, external_id="host-2")
    assert below.parent_organization_id == top.id
    world.application(session, top, external_id="host-1")
    world.server(session, top, external_id="host-1")
    world.organization(session, external_id=None)
    refused(session, lambda: world.application(session, below, external_id="host-1"))
    refused(session, lambda: world.server(session, None, external_id="host-1"))
    assert session.scalars(Server.visible(PLATFORM)).one().external_id == "host-1"


def test_nothing_begins_below_a_deleted_row(session):  # S7
    acme = world.organization(session)
    app, claim = world.application(session, acme), world.domain(session, acme)
    app.deleted_at = world.NOW
    session.flush()
    with pytest.raises(Conflict, match="application is deleted") as caught:
        world.binding(session, app, claim)
    assert caught.value.code == "parent_deleted"
