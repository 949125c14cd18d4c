"""Rotation of the keys that seal secrets: nothing is lost, whenever it is killed."""

import os
import random
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from nameplate.adapters import keyring as keyrings
from nameplate.core.actor import PLATFORM
from nameplate.core.encryption import KeyRing, Place
from nameplate.core.errors import Refused
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.models import Account, AccountKind, Certificate, Domain, Organization
from nameplate.models.sealing import SEALED
from nameplate.usecases.certificates import rollout
from nameplate.usecases.certificates.requests import key_place, pending_key_place
from nameplate.usecases.operations import keys
from nameplate.usecases.tenants import accounts

CERTIFICATES = 120
ACCOUNTS = 30
VALUES = 3 * CERTIFICATES + ACCOUNTS
BATCH = 10
STEPS = VALUES // BATCH

ROTATE = """
import sys
from pathlib import Path
from nameplate.adapters import keyring
from nameplate.db import Sessions, engine
from nameplate.usecases.operations import keys

sessions, path = Sessions(engine(sys.argv[1])), Path(sys.argv[2])
ring = keyring.load(path, None)
if set(keys.usage(sessions)) == {ring.primary}:
    ring = keyring.add_key(path)
print("begun", flush=True)
done = keys.rotate(sessions, ring, lambda *_: print("batch", flush=True), batch=int(sys.argv[3]))
print("stuck", len(done.stuck), flush=True)
"""


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "keyring"
    keyrings.create(path)
    return path


def fill(sessions: Sessions, ring: KeyRing) -> None:
    """Seal two keys for each certificate, every tenth soft-deleted, and credentials of accounts."""
    with sessions.begin(PLATFORM) as session:
        owner = Organization(name="Acme", slug="acme")
        session.add(owner)
        session.flush()
        domain = Domain(organization_id=owner.id, domain_name="acme.com")
        session.add(domain)
        session.flush()
        certificates = [
            Certificate(
                organization_id=owner.id,
                organization_domain_id=domain.id,
                common_name="acme.com",
                deleted_at=datetime(2026, 1, 1, tzinfo=UTC) if number % 10 == 0 else None,
            )
            for number in range(CERTIFICATES)
        ]
        platform = [
            Account(
                organization_id=None if number % 3 == 0 else owner.id,
                kind=AccountKind.DNS,
                provider="powerdns",
                name=f"dns {number}",
                config={},
            )
            for number in range(ACCOUNTS)
        ]
        session.add_all([*certificates, *platform])
        session.flush()
        for row in certificates:
            row.private_key = ring.seal(Secret(f"key {row.id}"), key_place(row))
            row.pending_private_key = ring.seal(Secret(f"next {row.id}"), pending_key_place(row))
            row.former_private_key = ring.seal(Secret(f"last {row.id}"), rollout.place(row))
        for account in platform:
            account.credentials = ring.seal(
                Secret(f'{{"api_key": "secret {account.id}"}}'), accounts._place(account)
            )


def check_all_open(sessions: Sessions, ring: KeyRing) -> None:
    with sessions.begin(PLATFORM) as session:
        certificates = session.scalars(sa.select(Certificate)).all()
        for row in certificates:
            assert row.private_key
            assert row.pending_private_key
            assert row.former_private_key
            assert ring.open(row.private_key, key_place(row)) == Secret(f"key {row.id}")
            assert ring.open(row.former_private_key, rollout.place(row)) == Secret(f"last {row.id}")
            assert ring.open(row.pending_private_key, pending_key_place(row)) == Secret(
                f"next {row.id}"
            )
        rows = session.scalars(sa.select(Account)).all()
        for account in rows:
            opened = accounts.credentials(account, ring)
            assert opened == {"api_key": Secret(f"secret {account.id}")}
    assert (len(certificates), len(rows)) == (CERTIFICATES, ACCOUNTS)


def run_rotation(sessions: Sessions, key_file: Path, *, kill_after: int | None) -> Sequence[str]:
    """Rotate in a process of its own; kill -9 it after so many lines of output."""
    url = sessions.system_engine.url.render_as_string(hide_password=False)
    process = subprocess.Popen(
        [sys.executable, "-c", ROTATE, url, str(key_file), str(BATCH)],
        stdout=subprocess.PIPE,
        text=True,
    )
    lines = []
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.strip())
            if len(lines) == kill_after:
                process.kill()
    assert process.returncode == (0 if kill_after is None else -9)
    return lines


def test_a_rotation_that_is_killed_goes_on_where_it_was(sessions: Sessions, key_file: Path) -> None:
    old = keyrings.load(key_file, None)
    fill(sessions, old)
    dice = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID", "1"))
    for _ in range(2):
        run_rotation(sessions, key_file, kill_after=dice.randint(1, STEPS // 4))
        check_all_open(sessions, keyrings.load(key_file, None))
    assert run_rotation(sessions, key_file, kill_after=None)[-1] == "stuck 0"
    ring = keyrings.load(key_file, None)
    assert len(ring.key_ids) == 2, "an unfinished rotation is finished without another key"
    assert keys.usage(sessions) == {ring.primary: VALUES}
    check_all_open(sessions, ring)
    alone = keyrings.drop_keys(key_file, set(ring.key_ids))
    assert alone.key_ids == (ring.primary,)
    check_all_open(sessions, alone)


def test_rotation_touches_nothing_else(sessions: Sessions, key_file: Path) -> None:
    fill(sessions, keyrings.load(key_file, None))
    with sessions.begin(PLATFORM) as session:
        before = session.execute(
            sa.select(Certificate.id, Certificate.updated_at).order_by(Certificate.id)
        ).all()
    ring = keyrings.add_key(key_file)
    steps: list[tuple[str, int, int]] = []
    done = keys.rotate(sessions, ring, lambda *step: steps.append(step), batch=50)
    assert (done.wrapped, done.stuck) == (VALUES, ())
    assert [step for step in steps if step[1] == step[2]] == [
        ("ssl_certificates.private_key", CERTIFICATES, CERTIFICATES),
        ("ssl_certificates.pending_private_key", CERTIFICATES, CERTIFICATES),
        ("ssl_certificates.former_private_key", CERTIFICATES, CERTIFICATES),
        ("accounts.credentials", ACCOUNTS, ACCOUNTS),
    ]
    with sessions.begin(PLATFORM) as session:
        assert (
            session.execute(
                sa.select(Certificate.id, Certificate.updated_at).order_by(Certificate.id)
            ).all()
            == before
        )
    assert keys.rotate(sessions, ring, lambda *_: None).wrapped == 0


def test_what_does_not_open_is_told_and_stops_nothing(sessions: Sessions, key_file: Path) -> None:
    fill(sessions, keyrings.load(key_file, None))
    stranger = KeyRing({"lost": bytes(range(32))}, "lost")
    with sessions.begin(PLATFORM) as session:
        first, second = session.scalars(sa.select(Certificate).order_by(Certificate.id).limit(2))
        first.private_key = stranger.seal(Secret("x"), key_place(first))
        second.private_key = first.pending_private_key  # moved from another row
        stuck_ids = [first.id, second.id]
    ring = keyrings.add_key(key_file)
    done = keys.rotate(sessions, ring, lambda *_: None, batch=7)
    assert done.wrapped == VALUES - 2
    assert [stuck.row_id for stuck in done.stuck] == stuck_ids
    assert [stuck.code for stuck in done.stuck] == ["key_unknown", "ciphertext_moved_or_damaged"]
    assert keys.usage(sessions)["lost"] == 1


def test_keys_that_differ_in_case_alone_are_told_apart(sessions: Sessions) -> None:
    pair = {"Key": bytes(range(32)), "kEY": bytes(range(1, 33))}
    fill(sessions, KeyRing(pair, "Key"))
    done = keys.rotate(sessions, KeyRing(pair, "kEY"), lambda *_: None)
    assert done.wrapped == VALUES
    assert keys.usage(sessions) == {"kEY": VALUES}


def test_every_sealed_column_is_rotated() -> None:
    sealed = {
        f"{table.name}.{column.name}"
        for table in Certificate.metadata.tables.values()
        for column in table.c
        if column.info.get(SEALED) or " sealed " in (column.comment or "").replace(",", "")
        if table.name != "sealing_keys"
    }
    assert sealed == {column.name for column in keys.SEALED}


def test_places_are_those_that_the_product_seals_to() -> None:
    certificate, account = Certificate(id=7, organization_id=3), Account(id=9, organization_id=None)
    places = {sealed.name: sealed.place for sealed in keys.SEALED}
    assert places["ssl_certificates.private_key"](3, 7) == key_place(certificate)
    assert places["ssl_certificates.pending_private_key"](3, 7) == pending_key_place(certificate)
    assert key_place(certificate) != pending_key_place(certificate)
    assert places["ssl_certificates.former_private_key"](3, 7) == rollout.place(certificate)
    assert places["accounts.credentials"](None, 9) == accounts._place(account)


def test_the_primary_is_never_dropped(tmp_path: Path) -> None:
    path = tmp_path / "keyring"
    old = keyrings.create(path)
    place = Place("t", "c", 1, 1)
    sealed = old.seal(Secret("x"), place)
    new = keyrings.add_key(path)
    assert keyrings.drop_keys(path, ()).key_ids == (new.primary, old.primary)
    alone = keyrings.drop_keys(path, new.key_ids)
    assert alone.key_ids == (new.primary,)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Refused):
        alone.open(sealed, place)
