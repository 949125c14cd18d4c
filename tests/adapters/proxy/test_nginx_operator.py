"""An operator's own nginx.conf with what it usually has: nothing that Nameplate writes collides with it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.servers.nginx import Nginx

from nameplate.adapters.proxy import nginx_operator
from nameplate.core.errors import Refused
from nameplate.ports.proxy import Route
from nameplate.testing.inspectors import InspectorConformance
from nameplate.testing.proxy import self_signed

LONG = ".".join(["a" * 60] * 3 + ["example.test"])
COMMON = """
    types_hash_max_size 2048;
    map_hash_bucket_size 128;
    map_hash_max_size 4096;
    variables_hash_max_size 2048;
    client_max_body_size 20m;
    gzip on;
    ssl_protocols TLSv1.2;
    ssl_session_cache shared:operator:1m;
    proxy_set_header Host $http_host;
    add_header X-Operator yes;
    map $http_upgrade $connection_upgrade { default upgrade; '' close; }
    map $http_host $operator_backend { hostnames; default 0; *.shop.test 1; }
    log_format mine '$remote_addr {"$request"}';
"""
SIZES = """
    server_names_hash_bucket_size 512;
    server_names_hash_max_size 8192;
"""
DEFAULT = """
    server { listen 127.0.0.1:{http_port} default_server; server_name _; return 200 operator; }
"""


@contextmanager
def running(http: str) -> Iterator[Nginx]:
    with tempfile.TemporaryDirectory(prefix="nameplate-nginx-") as name:
        Path(name).chmod(0o755)
        with Nginx(Path(name), http=http) as server:
            yield server


class TestInspector(InspectorConformance):
    @pytest.fixture
    def clear(self):
        with running(COMMON + SIZES) as server:
            yield server.adapter

    @pytest.fixture
    def colliding(self):
        with running("server_names_hash_max_size 64;" + DEFAULT) as server:
            yield server.adapter


@pytest.fixture
def route(origins):
    pair, _ = self_signed(LONG)
    return Route("bnd_1", LONG, "/", origins[0].upstream, pair, force_https=False)


def apply(server, *routes):
    server.adapter.apply(server.adapter.render(routes))


@pytest.mark.parametrize("http", [COMMON, SIZES, DEFAULT, COMMON + SIZES + DEFAULT])
def test_what_operators_have_does_not_collide(http, route, origins):
    with running(http) as server:
        apply(server, route)
        for scheme in ("http", "https"):
            assert server.look(scheme, LONG).origin == origins[0].port
        stranger = server.look("http", "stranger.example.test")
        assert stranger.body == b"operator" if DEFAULT in http else stranger.status is None


def test_directives_are_found_in_included_files(route):
    with running("include operator/*.conf;") as server:
        (server.folder / "operator").mkdir()
        (server.folder / "operator/sizes.conf").write_text(SIZES)
        site = DEFAULT.replace("{http_port}", str(server.http_port))
        (server.folder / "operator/site.conf").write_text(site)
        apply(server, route)
        assert server.look("http", "stranger.example.test").body == b"operator"


def test_without_the_operators_sizes_nameplate_sets_them_again(route):
    with running(SIZES) as server:
        apply(server, route)
        assert "server_names_hash" not in _defaults(server)
        server.main.write_text(server.main.read_text().replace(SIZES, ""))
        apply(server, route)
        assert "server_names_hash_bucket_size 512;" in _defaults(server)


def _defaults(server):
    return (server.adapter.folder / "current/00-nameplate.conf").read_text()


def test_what_is_in_the_way_is_said(route):
    with running(DEFAULT) as server:
        (found,) = server.adapter.collisions()
        assert found.is_harmless
        assert f"127.0.0.1:{server.http_port}" in found.message
    with running("server_names_hash_bucket_size 64;") as server:
        (found,) = server.adapter.collisions()
        assert not found.is_harmless
        assert "server_names_hash_bucket_size to 64" in found.message
        with pytest.raises(Refused, match="server_names_hash_bucket_size"):
            apply(server, route)
        apply(server, replace(route, hostname="short.example.test", key_pair=None))


def test_sizes_after_the_line_that_includes_ours_are_said(route):
    with running("") as server:
        text = server.main.read_text()
        late = text.replace("current/*.conf;", "current/*.conf;\n    map_hash_bucket_size 128;")
        assert late != text
        server.main.write_text(late)
        (found,) = server.adapter.collisions()
        assert "map_hash_bucket_size after the line" in found.message
        with pytest.raises(Refused, match="map_hash_bucket_size"):
            apply(server, route)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("80", "*:80"),
        ("80", "0.0.0.0:80"),
        ("127.0.0.1", "127.0.0.1:80"),
        ("[::]", "[0::0]:80"),
        ("[2001:DB8::1]:443", "[2001:db8:0::1]:443"),
    ],
)
def test_addresses_that_are_the_same(one, other):
    assert nginx_operator.spot(one) == nginx_operator.spot(other)


def test_a_file_that_cannot_be_read_counts_as_empty(tmp_path):
    main = tmp_path / "nginx.conf"
    main.write_text('http { include nginx.conf; content_by_lua_block { "} }')
    for path in (main, tmp_path / "none.conf"):
        found = nginx_operator.read(path, "nginx", tmp_path)
        assert found == nginx_operator.OwnDirectives()
