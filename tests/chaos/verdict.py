"""What must be true of a scene when everything is done, whatever happened on the way."""

import http.client
import socket
import ssl

import sqlalchemy as sa

from nameplate.models import Binding, Certificate, LedgerEntry
from tests.chaos.world import Scene


def check(scene: Scene) -> None:
    """Compare the rows, the zone, the authority and what a visitor sees."""
    assert scene.complaints() == []
    _one_certificate(scene)
    ours = {(scene.host, "A", scene.address)}
    kept = scene.read(
        lambda session: {
            (entry.name, entry.record_type.value, entry.value)
            for entry in session.scalars(sa.select(LedgerEntry))
        }
    )
    assert kept == ours
    assert scene.world.rrsets(scene.base) == {
        **scene.before,
        **{(name, rdtype): (value,) for name, rdtype, value in ours},
    }
    status, serial = visit(scene)
    assert (status, int(serial, 16)) == (200, int(_serial(scene), 16))


def _one_certificate(scene: Scene) -> None:
    rows = scene.read(
        lambda session: [
            (row.generation, row.pending_private_key, row.acme_order_url)
            for row in session.scalars(sa.select(Certificate))
        ]
    )
    assert rows == [(1, None, None)]
    assert scene.world.issued(scene.name) == 1


def _serial(scene: Scene) -> str:
    def find(session: sa.orm.Session) -> str:
        binding = session.scalars(sa.select(Binding)).one()
        return session.get_one(Certificate, binding.ssl_certificate_id).serial_number or ""

    return scene.read(find)


class _Visit(http.client.HTTPSConnection):
    """Connects to the scene's proxy, whatever DNS says."""

    def __init__(self, scene: Scene) -> None:
        root = scene.world.pebble.root_pem().decode()
        self.trust = ssl.create_default_context(cadata=root)
        self.place = (scene.address, scene.world.https_port)
        super().__init__(scene.host, timeout=5)

    def connect(self) -> None:
        plain = socket.create_connection(self.place, timeout=5)
        self.sock = self.trust.wrap_socket(plain, server_hostname=self.host)


def visit(scene: Scene) -> tuple[int, str]:
    """Ask for / by SNI, trusting Pebble's root alone; return status and the certificate's serial."""
    connection = _Visit(scene)
    connection.request("GET", "/")
    shown = connection.sock.getpeercert()
    assert shown
    status = connection.getresponse().status
    connection.close()
    return status, str(shown["serialNumber"])
