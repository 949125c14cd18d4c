"""The world says no: each with a clear answer, what works keeps working, and nothing is lost."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.models import Account, Binding, Certificate, Domain, NameHolding, Record, Server
from nameplate.usecases.claims import domains, verifications
from nameplate.usecases.serving import applications, bindings
from nameplate.usecases.tenants import accounts, organizations
from tests.chaos.conftest import Open, opener
from tests.chaos.verdict import check, visit
from tests.chaos.world import ZONE, Scene, World
from tests.databases import Templates
from tests.servers.hostile import HostileServer, request_head
from tests.servers.process import listens

pytestmark = [
    # A provider's kept-alive connection ends with its account's adapter, when that is collected.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
REFUSED = f"refused-by-ca.{ZONE}"


@pytest.fixture(scope="module")
def scenes(
    request: pytest.FixtureRequest,
    templates: Templates,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Open]:
    folder = tmp_path_factory.mktemp("faults")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)
    with World(folder, blocklist=[REFUSED]) as world:
        yield opener(request, templates, world, tmp_path_factory.mktemp("databases"))


def _one(scene: Scene, kind: type[Any]) -> Any:
    return scene.read(lambda session: session.scalars(sa.select(kind).order_by(kind.id)).first())


def _now(scene: Scene, change: Callable[[Session], object]) -> None:
    """Change something, and have everything of the domain looked at at once."""

    def both(session: Session) -> None:
        change(session)
        now = scene.tools.clock()
        domains.check(session, PLATFORM, scene.name, now)

    scene.sessions.run(PLATFORM, both)


def _lead(scene: Scene, url: str) -> Callable[[Session], None]:
    def change(session: Session) -> None:
        account = session.scalars(sa.select(Account).where(Account.kind == "dns")).one()
        account.config = {**account.config, "api_url": url}

    return change


def test_a_wrong_credential_is_told_and_the_right_one_heals(scenes: Open) -> None:
    wrong = "not-the-key-of-anybody"
    with scenes("sqlite", "wrong-key") as scene:
        scene.claim(wildcard=False)
        scene.sessions.run(
            PLATFORM,
            lambda s: accounts.update(
                s, PLATFORM, scene.tools, scene.dns_account, credentials={"api_key": wrong}
            ),
        )
        told = accounts.test(scene.sessions, scene.tools, PLATFORM, scene.dns_account)
        assert (told["ok"], told["code"]) == (False, "credential_refused")
        with scene.worker():
            scene.wait(lambda: _one(scene, Record).status == "error", 40)
            refused = "PowerDNS rejected the API key."
            scene.wait(lambda: _one(scene, Record).error_message == refused, 40)
            scene.wait(lambda: _one(scene, Domain).error_message == refused, 40)
            assert scene.world.rrsets(scene.base) == scene.before
            right = {"api_key": scene.world.dns.api_key.reveal()}
            _now(
                scene,
                lambda s: accounts.update(
                    s, PLATFORM, scene.tools, scene.dns_account, credentials=right
                ),
            )
            scene.wait(scene.settled, 40)
        check(scene)


ANSWERS = {
    "rate_limited": b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
    "provider_failed": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    "provider_unreachable": b"",
}
"""What the provider answers, by the code that it becomes."""


@pytest.mark.parametrize("code", ANSWERS)
def test_a_provider_in_trouble_is_asked_again(scenes: Open, code: str) -> None:
    def trouble(connection: socket.socket) -> None:
        request_head(connection)
        connection.sendall(ANSWERS[code])

    with scenes("sqlite", code.replace("_", "-")) as scene, HostileServer(trouble) as hostile:
        scene.claim(wildcard=False)
        scene.sessions.run(PLATFORM, _lead(scene, f"http://127.0.0.1:{hostile.port}"))
        told = accounts.test(scene.sessions, scene.tools, PLATFORM, scene.dns_account)
        assert (told["ok"], told["code"]) == (False, code)
        with scene.worker():
            scene.wait(lambda: _one(scene, Domain).attempts >= 2, 40)
            assert _one(scene, Record).status == "pending"
            assert _one(scene, Domain).next_action_at is not None
            _now(scene, _lead(scene, scene.world.dns.api_url))
            scene.wait(scene.settled, 40)
        check(scene)


def test_a_name_that_the_authority_refuses(scenes: Open) -> None:
    with scenes("sqlite", "refused-by-ca") as scene:
        scene.claim(wildcard=False)
        with scene.worker():
            scene.wait(lambda: bool(scene.dump()["ssl_certificates"]), 40)
            scene.wait(lambda: _one(scene, Certificate).renewal_attempts >= 1, 40)
        row = _one(scene, Certificate)
        assert "refused-by-ca" in row.renewal_error_message or "policy" in row.renewal_error_message
        assert row.certificate is None
        assert (row.renewal_error_code, row.next_action_at) == ("acme_rejected_identifier", None)
        assert _one(scene, Domain).is_live
        assert scene.dump()["http_challenges"] == []
        assert scene.world.issued(scene.name) == 0


def test_an_upstream_that_does_not_resolve(scenes: Open) -> None:
    """The binding to blame is told; the one that works is served as before."""
    with scenes("sqlite", "no-such-upstream") as scene:
        scene.claim(wildcard=False)
        with scene.worker():
            scene.wait(scene.settled, 40)
            scene.sessions.run(PLATFORM, lambda session: _bind_nowhere(session, scene))
            scene.wait(lambda: _bound(scene, "bad")[0] == "error", 90)
            status, reason = _bound(scene, "bad")
            assert status == "error"
            assert "503" in (reason or "")
            assert str(scene.folder) not in (reason or "")
            assert _bound(scene, scene.base)[0] == "active"
            assert visit(scene)[0] == 200


def _bind_nowhere(session: Session, scene: Scene) -> None:
    applications.add(
        session,
        PLATFORM,
        name="nowhere",
        organization=scene.organization,
        upstream_host="no-such-host.invalid",
        upstream_port=80,
    )
    bindings.add(
        session,
        scene.tools,
        PLATFORM,
        application="nowhere",
        domain=scene.name,
        subdomain="bad",
        ssl_enabled=False,
        now=scene.tools.clock(),
    )


def _bound(scene: Scene, prefix: str) -> tuple[str, str | None]:
    query = sa.select(Binding).where(Binding.hostname.startswith(prefix))
    row = scene.read(lambda session: session.scalars(query).one())
    return row.status.value, row.error_message


@contextlib.contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_keeps_what_is_served(scenes: Open) -> None:
    with scenes("sqlite", "full-disk") as scene, _small_disk(scene.folder / "managed"):
        scene.claim(wildcard=False)
        with scene.worker():
            scene.wait(scene.settled, 40)
            filler = scene.folder / "managed" / "filler"
            with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
                while file.write(bytes(512)):
                    pass
            scene.sessions.run(PLATFORM, lambda session: _change(session, scene))
            scene.wait(lambda: _one(scene, Server).trouble_code == "disk_full", 40)
            assert "The disk is full" in scene.log.read_text()
            assert visit(scene)[0] == 200
            filler.unlink()
            scene.wait(lambda: _one(scene, Server).trouble_code is None, 40)
            scene.wait(scene.settled, 40)
        assert visit(scene)[0] == 200


def _change(session: Session, scene: Scene) -> None:
    now = scene.tools.clock()
    bindings.update(session, PLATFORM, scene.host, now=now, force_https=False)
    server = session.get_one(Server, scene.server_id)
    server.wake(now)


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        env = {**os.environ, "NAMEPLATE_HOME": str(tmp_path), "NAMEPLATE_SERVE_WORKER": "false"}
        told = subprocess.run(
            [sys.executable, "-m", "nameplate", "serve", "--port", str(port)],
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert told.returncode == 1
    lines = (told.stdout + told.stderr).strip().splitlines()
    assert len(lines) == 1, told.stderr
    assert str(port) in lines[0]
    assert "in use" in lines[0]
    assert not listens(port)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_organizations_race_for_one_name(scenes: Open, kind: str) -> None:
    """Both publish their proof; one holds the name, the other learns nothing about it."""
    with scenes(kind, f"race-{kind[:2]}") as scene:
        scene.name, scene.host = scene.base, scene.base
        names = ("Rival One", "Rival Two")
        proofs = scene.sessions.run(PLATFORM, lambda session: _claims(session, scene, names))
        for proof in proofs:
            scene.world.publish(*proof)
        with scene.worker(), scene.worker():
            scene.wait(lambda: all(row.last_checked_at for row in _domains(scene)), 40)
            scene.wait(lambda: any(row.is_live for row in _domains(scene)), 40)
            scene.wait(lambda: any(row.error_message for row in _domains(scene)), 40)
        winner, loser = sorted(_domains(scene), key=lambda row: not row.is_live)
        assert (winner.is_live, loser.is_live) == (True, False)
        holders = scene.read(lambda session: session.scalars(sa.select(NameHolding)).all())
        assert [row.organization_id for row in holders] == [winner.organization_id]
        assert not any(name.split()[1] in (loser.error_message or "") for name in names)
        assert ids.show("org", winner.organization_id) not in (loser.error_message or "")


def _claims(session: Session, scene: Scene, names: tuple[str, ...]) -> list[tuple[str, str, str]]:
    found = []
    for name in names:
        owner = organizations.add(session, PLATFORM, name=name)
        domain = domains.add(
            session, scene.tools, PLATFORM, name=scene.base, organization=owner.slug
        )
        (proof,) = verifications.page(session, PLATFORM, limit=1, domain=ids.show("dom", domain.id))
        value = f'"{proof.verification_record_value}"'
        found.append((proof.verification_record_name or "", "TXT", value))
    return found


def _domains(scene: Scene) -> list[Domain]:
    return scene.read(lambda session: list(session.scalars(sa.select(Domain).order_by(Domain.id))))
