"""Very many hosts: what nginx and Caddy do beyond a threshold, with a threshold of three."""

import grp
import http.client
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.servers.caddy import Caddy
from tests.servers.nginx import Nginx
from tests.servers.origin import Origin

from nameplate.adapters.proxy import caddy_certificates, keys, nginx_process, nginx_shared
from nameplate.adapters.proxy.sites import group
from nameplate.core.basic_auth import AuthUser, BasicAuth
from nameplate.core.errors import Refused
from nameplate.core.route_settings import RouteSettings, Timeouts
from nameplate.ports.proxy import Redirect, Route, RoutePlace, RouteRefused, Upstream
from nameplate.testing.proxy import self_signed

MANY = 3


def host(number: int, upstream: Upstream, **more: Any) -> tuple[Route, str]:
    """Return a route with a certificate, and its serial number."""
    name = f"h{number}.many.test"
    pair, serial = self_signed(name)
    given = {"key_pair": pair, "force_https": False, "hsts": False, **more}
    return Route(f"bnd_{number}", name, "/", upstream, **given), serial


def apply(server: Any, *routes: Route) -> None:
    server.adapter.apply(server.adapter.render(routes))


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def nginx(passable: Path, nameplate: Origin) -> Any:
    folder = passable / f"many-{time.monotonic_ns()}"
    folder.mkdir()
    with Nginx(folder, nameplate.upstream, many=MANY) as server:
        yield server


@pytest.fixture
def caddy(tmp_path: Path) -> Any:
    with Caddy(tmp_path, many=MANY) as server:
        yield server


def test_hosts_of_nginx_that_are_alike_share_servers(nginx: Any, origins: Any) -> None:
    one, two = (origin.upstream for origin in origins)
    made = [host(n, (one, two)[n % 2]) for n in range(6)]
    routes = [route for route, _ in made]
    routes += [
        host(10, one, redirect=Redirect("h0.many.test"))[0],
        host(11, one, redirect=Redirect("h1.many.test"))[0],
        host(12, one, answer=410)[0],
        host(13, one, key_pair=None)[0],
        host(14, one, settings=RouteSettings(timeouts=Timeouts(response=9)))[0],
        host(15, one, force_https=True)[0],
        host(16, Upstream("localhost", two.port))[0],
        replace(host(17, one)[0], path="/only"),
    ]
    config = nginx.adapter.render(routes)
    nginx.adapter.apply(config)
    fragments = [name for name in config.files if name.endswith(".conf")]
    assert fragments == ["00-nameplate.conf", nginx_shared.FRAGMENT, "bnd_17.conf"]
    shared = config.files[nginx_shared.FRAGMENT]
    assert shared.count(b"server {") == 2 * 6  # the two named alike are one behaviour
    for route, serial in made:
        seen = nginx.look("https", route.hostname)
        assert (seen.origin, seen.serial) == (route.upstream.port, serial)
        assert nginx.look("http", route.hostname).origin == route.upstream.port
    for number, target in ((10, "h0"), (11, "h1")):
        seen = nginx.look("https", f"h{number}.many.test", "/a?b=c")
        assert seen.location.startswith(f"https://{target}.many.test")
        assert seen.location.endswith("/a?b=c")
    assert nginx.look("https", "h12.many.test").status == 410
    assert nginx.look("https", "h13.many.test").status is None
    assert nginx.look("http", "h13.many.test").origin == one.port
    assert nginx.look("https", "h14.many.test").origin == one.port
    assert nginx.look("http", "h15.many.test").status == 308
    assert nginx.look("https", "h16.many.test").origin == two.port
    assert nginx.look("https", "h17.many.test").origin is None
    assert nginx.look("https", "h17.many.test", "/only").origin == one.port
    assert nginx.look("https", "H0.many.TEST").serial == made[0][1]


def test_the_workers_of_nginx_read_keys_only_where_hosts_share_servers(
    nginx: Any, origins: Any
) -> None:
    made = [host(n, origins[0].upstream) for n in range(MANY)]
    routes = [route for route, _ in made]
    folder = nginx.adapter.folder / keys.FOLDER
    apply(nginx, *routes[:2])
    assert {mode(path) for path in folder.iterdir()} == {0o600}
    assert mode(folder) == 0o700
    apply(nginx, *routes)
    groups = {path.stat().st_gid for path in (folder, *folder.iterdir())}
    assert {mode(path) for path in folder.iterdir()} == {0o640}
    assert mode(folder) == 0o750
    assert groups <= {grp.getgrnam(name).gr_gid for name in ("nogroup",)} | {
        folder.parent.stat().st_gid
    }
    for route, serial in made:
        assert nginx.look("https", route.hostname).serial == serial
    nginx.adapter.withdraw([RoutePlace("bnd_0", "h0.many.test", "/")])
    assert nginx.look("https", "h0.many.test").status is None
    assert nginx.look("https", "h1.many.test").serial == made[1][1]
    apply(nginx, *routes[:2])
    assert mode(folder) == 0o700
    for route, serial in made[:2]:
        assert nginx.look("https", route.hostname).serial == serial


def test_what_nginx_refuses_while_it_loads_is_taken_back(nginx: Any, origins: Any) -> None:
    made = [host(n, origins[0].upstream) for n in range(MANY + 1)]
    routes = [route for route, _ in made]
    apply(nginx, *routes[:MANY])
    before = (nginx.adapter.folder / "current").resolve()
    main = nginx.main.read_text()
    nginx.main.write_text(main.replace("worker_processes", "no_such x; worker_processes"))
    with pytest.raises(Refused, match="no_such") as raised:
        apply(nginx, *routes)
    assert raised.value.code == "proxy_refused"
    assert (nginx.adapter.folder / "current").resolve() == before
    assert nginx.look("https", routes[0].hostname).serial == made[0][1]
    assert nginx.look("https", routes[MANY].hostname).status is None
    nginx.main.write_text(main)
    apply(nginx, *routes)
    assert nginx.look("https", routes[MANY].hostname).serial == made[MANY][1]


def test_a_key_that_somebody_has_removed_is_written_again(nginx: Any, origins: Any) -> None:
    made = [host(n, origins[0].upstream) for n in range(MANY + 1)]
    routes = [route for route, _ in made]
    apply(nginx, *routes[:MANY])
    for ending in (".key", ".crt"):
        pair = routes[0].key_pair
        assert pair is not None
        (nginx.adapter.folder / f"{keys.stem(pair)}{ending}").unlink()
        apply(nginx, *routes[:MANY])
        assert nginx.look("https", routes[0].hostname).serial == made[0][1]
        apply(nginx, *routes)
        assert nginx.look("https", routes[MANY].hostname).serial == made[MANY][1]


def test_what_is_asked_of_visitors_is_never_shared(nginx: Any, origins: Any) -> None:
    users = (AuthUser(name="anna", password_hash="$2b$04$" + 53 * "x"),)
    closed = RouteSettings(basic_auth=BasicAuth(users=users))
    open_ = [host(n, origins[0].upstream)[0] for n in range(MANY)]
    apply(nginx, *open_, host(9, origins[0].upstream, settings=closed)[0])
    assert nginx.look("https", "h9.many.test").status == 401
    assert nginx.look("https", "h0.many.test").status == 200


def test_hostile_text_reaches_no_map(nginx: Any) -> None:
    routes = [host(n, Upstream("127.0.0.1", 80))[0] for n in range(MANY)]
    for hostname in ("a.b}c", "a.test;\n}", "$host.test", 'a".test', "default", "~.*"):
        with pytest.raises(RouteRefused):
            nginx.adapter.render([*routes, replace(routes[0], id="bnd_x", hostname=hostname)])
    layout = nginx.adapter._layout
    (site,) = group(routes[:1])
    hosts = nginx_shared.SharedHosts(layout)
    with pytest.raises(Refused) as caught:
        hosts.change((), [replace(site, hostname="a.test 1; } server {")])
    assert caught.value.code == "fragment_unsafe"


def test_a_crash_before_what_nginx_refuses_is_taken_back_leaves_the_way_back(
    nginx: Any, origins: Any, monkeypatch: Any
) -> None:
    routes = [host(n, origins[0].upstream)[0] for n in range(4)]
    apply(nginx, *routes)
    good = nginx.adapter.folder.joinpath("current").resolve()

    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    main = nginx.main.read_text()
    with monkeypatch.context() as patch:
        patch.setattr(nginx_process, "reload", crash)
        with pytest.raises(KeyboardInterrupt):
            apply(nginx, *routes, host(5, origins[0].upstream)[0])
    assert nginx.adapter.folder.joinpath("current").resolve() != good
    nginx.main.write_text(main.replace("worker_processes", "no_such x; worker_processes"))
    try:
        with pytest.raises(Refused, match="no_such"):
            apply(nginx, *routes, host(6, origins[0].upstream)[0])
    finally:
        nginx.main.write_text(main)
    assert nginx.adapter.folder.joinpath("current").resolve() == good
    apply(nginx, *routes)
    assert nginx.look("https", "h0.many.test").status == 200


def test_caddy_needs_no_load_for_a_renewed_certificate(caddy: Any, origins: Any) -> None:
    made = [host(n, origins[0].upstream) for n in range(MANY)]
    routes = [route for route, _ in made]
    apply(caddy, *routes)
    for route, serial in made:
        assert caddy.look("https", route.hostname).serial == serial
    loads = caddy.loads
    pair, serial = self_signed(routes[0].hostname)
    apply(caddy, replace(routes[0], key_pair=pair), *routes[1:])
    assert caddy.look("https", routes[0].hostname).serial == serial
    assert caddy.loads == loads
    left = {path.name for path in (caddy.adapter.folder / keys.FOLDER / "asked").iterdir()}
    pairs = (pair, *(route.key_pair for route in routes[1:] if route.key_pair))
    assert left == {f"{keys.stem(one)}.pem".removeprefix("certs/") for one in pairs}
    caddy.start_again()  # with nothing but what is in the folder
    assert caddy.look("https", routes[0].hostname).serial == serial
    apply(caddy, *routes[:2])
    assert caddy.look("https", routes[1].hostname).serial == made[1][1]
    assert not list((caddy.adapter.folder / keys.FOLDER / "live").iterdir())


def test_caddy_obtains_nothing_for_names_that_it_has_no_certificate_of(
    caddy: Any, origins: Any
) -> None:
    apply(caddy, *(host(n, origins[0].upstream)[0] for n in range(MANY)))
    began = time.monotonic()
    for name in ("other.test", "sub.h0.many.test", "*.many.test", "h0.many.test.pem"):
        assert caddy.look("https", "other.test", sni=name).status is None
    assert time.monotonic() - began < 10
    assert "acme" not in caddy.log


def test_nobody_gets_a_key_without_the_secret_path(caddy: Any, origins: Any) -> None:
    apply(caddy, *(host(n, origins[0].upstream)[0] for n in range(MANY)))
    server = caddy.running()["apps"]["http"]["servers"][caddy_certificates.SERVER]
    (address,) = server["listen"]
    place = (caddy.adapter.folder / ".certificates").read_text()
    assert len(place) == 64
    assert mode(caddy.adapter.folder / ".certificates") == 0o600
    answers = {}
    for path in (
        "/", "/refused?domain=h0.many.test", "/live/h0.many.test.pem", "/h0.many.test.pem",
        f"/{place}?server_name=unknown.test", f"/{place}?server_name=../../.certificates",
        f"/{place}?server_name=*", f"/{place}/../h0.many.test.pem", f"/{place}?server_name=h0.many.test",
    ):  # fmt: skip
        connection = http.client.HTTPConnection(address, timeout=5)
        connection.request("GET", path)
        response = connection.getresponse()
        answers[path.replace(place, "X")] = response.status, b"PRIVATE" in response.read()
        connection.close()
    assert answers.pop("/X?server_name=h0.many.test") == (200, True)
    assert {status for status, _ in answers.values()} <= {204, 403}
    assert not any(shown for _, shown in answers.values())
