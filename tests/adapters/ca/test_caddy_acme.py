"""The ACME adapter against a second real server: Caddy's `acme_server`."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.servers.caddy import executable
from tests.servers.pebble import ChallTestSrv
from tests.servers.process import Server, ServerMissing, free_port, listens

from nameplate.adapters.ca import accounts
from nameplate.adapters.ca.acme import AcmeAuthority
from nameplate.core import keys
from nameplate.core.orders import Challenge
from nameplate.testing.ca import CertificateAuthorityConformance


def settings(folder: Path, port: int, dns_server: str) -> dict[str, object]:
    handler = {
        "handler": "acme_server",
        "challenges": ["dns-01", "http-01"],
        "resolvers": [dns_server],
    }
    route = {"match": [{"host": ["localhost"]}], "handle": [handler], "terminal": True}
    return {
        "admin": {"disabled": True},
        "storage": {"module": "file_system", "root": str(folder / "storage")},
        "apps": {
            "http": {
                "http_port": free_port(),
                "https_port": port,
                "servers": {
                    "acme": {
                        "listen": [f"127.0.0.1:{port}"],
                        "routes": [route],
                        "automatic_https": {"disable_redirects": True},
                    }
                },
            },
            "pki": {"certificate_authorities": {"local": {"install_trust": False}}},
            "tls": {
                "automation": {
                    "policies": [{"subjects": ["localhost"], "issuers": [{"module": "internal"}]}]
                }
            },
        },
    }


@pytest.fixture(scope="module")
def caddy_authority(
    tmp_path_factory: pytest.TempPathFactory, challtestsrv: ChallTestSrv
) -> Iterator[AcmeAuthority]:
    folder, port = tmp_path_factory.mktemp("caddy"), free_port()
    config = folder / "caddy.json"
    config.write_text(json.dumps(settings(folder, port, challtestsrv.dns_server)))
    root = folder / "storage/pki/authorities/local/root.crt"
    leaf = folder / "storage/certificates/local/localhost/localhost.crt"
    try:
        binary = executable()
    except ServerMissing as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    server = Server(
        [binary, "run", "--config", str(config)],
        folder,
        ready=lambda: root.exists() and leaf.exists() and listens(port),
        env={"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)},
    )
    try:
        directory, key = f"https://localhost:{port}/acme/local/directory", keys.new_key()
        account = accounts.register(directory, key, verify=str(root))
        yield AcmeAuthority(directory, key, account, verify=str(root))
    finally:
        server.stop()


class TestCaddy(CertificateAuthorityConformance):
    @pytest.fixture(autouse=True)
    def servers(self, caddy_authority: AcmeAuthority, challtestsrv: ChallTestSrv) -> None:
        self.authority, self.dns = caddy_authority, challtestsrv

    def make_authority(self) -> AcmeAuthority:
        return self.authority

    def publish(self, challenges: Sequence[Challenge]) -> None:
        for challenge in challenges:
            self.dns.set_txt(challenge.record_name, challenge.record_value)
