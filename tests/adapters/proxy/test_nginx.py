import errno
import json
import os
import socket
import stat
import subprocess
import threading
import time
from dataclasses import replace

import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.servers import nginx as servers
from tests.servers.process import free_port
from tests.servers.scripted_dns import ScriptedDns

from nameplate.adapters.proxy import nginx_fragments, nginx_process
from nameplate.adapters.proxy.folder import without_paths
from nameplate.adapters.proxy.nginx import Nginx
from nameplate.adapters.proxy.nginx_syntax import parse
from nameplate.core.errors import Refused, Unavailable
from nameplate.ports.proxy import Route, RoutePlace, RouteRefused, Upstream
from nameplate.testing.proxy import self_signed, visit


@pytest.fixture
def route(origins):
    return Route("bnd_1", "shop.example.test", "/", origins[0].upstream, force_https=False)


def apply(server, *routes):
    server.adapter.apply(server.adapter.render(routes))


def weak(route):
    """Return the route with a certificate that OpenSSL does not let nginx use."""
    key = rsa.generate_private_key(65537, 1024)
    pair, _ = self_signed(route.hostname, key=key)
    return replace(route, key_pair=pair)


def status(server, hostname="shop.example.test", path="/"):
    return visit(("127.0.0.1", server.http_port), hostname, path, scheme="http").status


def test_keys_are_named_by_id_and_readable_by_their_owner_only(nginx, route):
    pair, _ = self_signed(route.hostname)
    apply(nginx, replace(route, key_pair=pair))
    certs = nginx.adapter.folder / "certs"
    assert stat.S_IMODE(certs.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in certs.iterdir()} == {0o600}
    assert all(path.name.startswith(pair.id) for path in certs.iterdir())
    assert len(list(certs.iterdir())) == 2


def test_old_keys_and_releases_go_after_a_successful_apply_only(nginx, route):
    old, _ = self_signed(route.hostname)
    apply(nginx, replace(route, key_pair=old))
    new, _ = self_signed(route.hostname)
    with pytest.raises(RouteRefused):
        apply(nginx, weak(route))
    certs = nginx.adapter.folder / "certs"
    assert any(path.name.startswith(old.id) for path in certs.iterdir())
    apply(nginx, replace(route, key_pair=new))
    assert {path.name.split(".")[0] for path in certs.iterdir()} == {new.id}
    assert len(list((nginx.adapter.folder / "releases").iterdir())) == 1


def test_one_bad_fragment_is_named_and_the_rest_keeps_serving(nginx, route):
    apply(nginx, route)
    bad = weak(replace(route, id="bnd_2", hostname="bad.example.test"))
    link = (nginx.adapter.folder / "current").lstat()
    with pytest.raises(RouteRefused) as raised:
        apply(nginx, route, bad, replace(route, id="bnd_3", hostname="third.example.test"))
    assert raised.value.route_ids == ("bnd_2",)
    # Nothing ever referred to it, not even for a moment: somebody else may reload at any time.
    assert (nginx.adapter.folder / "current").lstat() == link
    assert "too small" in raised.value.detail
    assert str(nginx.folder) not in raised.value.detail
    assert status(nginx) == 200
    assert status(nginx, "third.example.test") is None


def test_a_fault_outside_our_fragments_takes_nothing_down_and_is_told(nginx, route):
    apply(nginx, route)
    main, loads = nginx.main.read_text(), nginx.reloads
    nginx.main.write_text(main.replace("worker_processes", "no_such_directive x; worker_processes"))
    try:
        with pytest.raises(Refused) as raised:
            apply(nginx, replace(route, hostname="other.example.test"))
        # A load that comes late would take what the next one tries.
        time.sleep(0.5)
        assert nginx.reloads == loads
        assert not isinstance(raised.value, RouteRefused)
        assert 'unknown directive "no_such_directive"' in raised.value.detail
        assert "/" not in raised.value.detail
    finally:
        nginx.main.write_text(main)
    assert status(nginx) == 200
    subprocess.run([nginx.executable, "-t", "-q", "-c", str(nginx.main)], check=True)
    apply(nginx, replace(route, hostname="other.example.test"))
    assert status(nginx, "other.example.test") == 200


def test_a_port_in_use_keeps_the_old_workers_and_the_old_files(tmp_path, route):
    with servers.Nginx(tmp_path) as server, socket.create_server(("127.0.0.1", 0)) as taken:
        apply(server, route)
        before = (server.adapter.folder / "current").readlink()
        greedy = Nginx(
            server.adapter.folder,
            server.executable,
            server.pid_file,
            [f"127.0.0.1:{taken.getsockname()[1]}"],
            [f"127.0.0.1:{server.https_port}"],
            main=server.main,
            reload_seconds=0.5,
        )
        with pytest.raises(Refused) as raised:
            greedy.apply(greedy.render([route]))
        assert raised.value.code == "proxy_reload_failed"
        assert (server.adapter.folder / "current").readlink() == before
        assert status(server) == 200
        # Nobody can be sure what the workers serve after that: the next apply must not skip.
        reloads = server.reloads
        apply(server, route)
        assert server.reloads > reloads


def test_a_full_disk_changes_nothing(tmp_path, route):
    with servers.Nginx(tmp_path) as server:
        folder = server.adapter.folder
        folder.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)],
            capture_output=True,
            check=False,
        )
        if mounted.returncode:
            pytest.skip("mounting a small disk needs root")
        try:
            apply(server, route)
            before = sorted(folder.rglob("*"))
            many = [replace(route, id=f"b{i}", hostname=f"h{i}.example.test") for i in range(40)]
            with pytest.raises(Unavailable) as raised:
                apply(server, route, *many)
            assert raised.value.code == "disk_full"
            assert sorted(folder.rglob("*")) == before
            assert status(server) == 200
            apply(server, replace(route, hostname="other.example.test"))
            assert status(server, "other.example.test") == 200
        finally:
            server.stop()
            subprocess.run(["umount", str(folder)], check=True)


def test_without_a_running_nginx_its_next_start_serves_what_was_written(tmp_path, route):
    with servers.Nginx(tmp_path) as server:
        apply(server, route)
        server.crash()
        other = replace(route, hostname="other.example.test")
        # The stale pid file may name somebody's process by now: never signal it.
        for text in (server.pid_file.read_text(), f"{os.getpid()}\n", "1\n", "-1\n", "x", ""):
            server.pid_file.write_text(text)
            with pytest.raises(Unavailable) as raised:
                apply(server, other)
            assert raised.value.code == "proxy_down"
        server.start_again()
        assert status(server, "other.example.test") == 200
        assert status(server) is None
        apply(server, other)
        assert status(server, "other.example.test") == 200


def test_without_a_running_nginx_what_it_would_refuse_is_not_left_for_its_start(tmp_path, route):
    with servers.Nginx(tmp_path) as server:
        apply(server, route)
        server.crash()
        with pytest.raises(RouteRefused):
            apply(server, weak(replace(route, hostname="other.example.test")))
        server.start_again()
        assert status(server) == 200


def test_a_crash_between_swap_and_reload_is_repaired_by_the_next_apply(nginx, route, monkeypatch):
    apply(nginx, route)
    other = replace(route, hostname="crash.example.test")

    def crash(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(nginx_process, "reload", crash)
        with pytest.raises(KeyboardInterrupt):
            apply(nginx, other)
    assert status(nginx, other.hostname) is None
    apply(nginx, other)
    assert status(nginx, other.hostname) == 200


def test_whatever_fails_after_the_swap_nginx_can_start_with_what_is_there(
    tmp_path, route, monkeypatch
):
    """A disk that is full by then, for instance: what `current` leads to must never be removed."""
    with servers.Nginx(tmp_path) as server:
        apply(server, route)

        def fail(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(nginx_process, "reload", fail)
            with pytest.raises(Unavailable):
                apply(server, replace(route, hostname="other.example.test"))
        server.crash()
        server.start_again()
        assert status(server) == 200
        with monkeypatch.context() as patch:
            patch.setattr(nginx_process, "reload", fail)
            patch.setattr(server.adapter, "_point", _points_once(server.adapter))
            with pytest.raises(Unavailable):
                apply(server, replace(route, hostname="other.example.test"))
        server.crash()
        server.start_again()
        assert status(server, "other.example.test") == 200


def _points_once(adapter):
    point = adapter._point
    pointed: list[object] = []

    def act(release):
        if pointed:
            raise OSError(errno.ENOSPC, "No space left on device")
        pointed.append(release)
        point(release)

    return act


def test_two_writers_at_once_do_not_mix(nginx, route):
    outcomes = []

    def work(name):
        try:
            apply(nginx, replace(route, hostname=f"{name}.example.test"))
            outcomes.append(name)
        except Unavailable as busy:
            outcomes.append(busy.code)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 4
    served = [name for name in "abcd" if status(nginx, f"{name}.example.test") == 200]
    winners = [name for name in outcomes if name in "abcd"]
    assert served == winners[-1:]


def test_the_operators_own_server_is_left_alone(nginx, route):
    apply(nginx, route)
    assert visit(("127.0.0.1", nginx.own_port), "own.test", scheme="http").body == b"own"


def test_challenges_reach_nameplate_before_any_redirect(nginx, nameplate, route):
    pair, _ = self_signed(route.hostname)
    apply(nginx, replace(route, key_pair=pair, force_https=True))
    for hostname in (route.hostname, "not-bound-yet.example.test"):
        for path in ("/.well-known/acme-challenge/token", "/.well-known/nameplate/x.txt"):
            look = visit(("127.0.0.1", nginx.http_port), hostname, path, scheme="http")
            assert look.origin == nameplate.port
            assert json.loads(look.body)["path"] == path
            assert json.loads(look.body)["headers"]["host"] == hostname
    traversal = "/.well-known/acme-challenge/../../x"
    assert status(nginx, path=traversal) == 308


def test_headers_for_the_application_are_ours(nginx, origins, route):
    pair, _ = self_signed(route.hostname)
    apply(nginx, replace(route, key_pair=pair))
    with socket.create_connection(("127.0.0.1", nginx.http_port)) as sock:
        sock.sendall(
            b"GET /a%20b?x=%2f HTTP/1.1\r\nHost: SHOP.example.test:99\r\nX-Forwarded-For: 6.6.6.6\r\n"
            b"X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.test\r\nForwarded: for=6.6.6.6\r\n"
            b"X-Real-IP: 6.6.6.6\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n"
        )
        document = json.loads(sock.recv(65536).partition(b"\r\n\r\n")[2])
    got = document["headers"]
    assert document["path"] == "/a%20b?x=%2f"
    assert (got["host"], got["x-forwarded-host"]) == ("shop.example.test", "shop.example.test")
    assert (got["x-forwarded-for"], got["x-real-ip"]) == ("127.0.0.1", "127.0.0.1")
    assert got["x-forwarded-proto"] == "http"
    assert (got["upgrade"], got["connection"]) == ("websocket", "upgrade")
    assert "forwarded" not in got
    origins[0].answer(strict_transport_security="max-age=1; includeSubDomains")
    try:
        seen = visit(("127.0.0.1", nginx.https_port), route.hostname)
    finally:
        origins[0].answer()
    assert seen.hsts == "max-age=31536000"


def test_the_reread_configuration_equals_the_routes(nginx, route):
    config = nginx.adapter.render([route, replace(route, id="bnd_2", hostname="*.b.test")])
    names = {
        directive.words[1]
        for content in config.files.values()
        for server in parse(content.decode())
        if server.words == ("server",)
        for directive in server.block or ()
        if directive.words[0] == "server_name"
    }
    assert names == {"", "shop.example.test", "*.b.test"}
    assert config.owners == {"bnd_1.conf": ("bnd_1",), "bnd_2.conf": ("bnd_2",)}


def test_a_name_of_253_octets_is_served(nginx, route):
    longest = ".".join(["a" * 63] * 3 + ["b" * 56, "test"])
    assert len(longest) == 253
    apply(nginx, replace(route, hostname=longest))
    assert status(nginx, longest) == 200


@pytest.mark.parametrize(
    "more",
    [
        {"listen_http": ["80; }"]},
        {"listen_https": ["example.test:443"]},
        {"challenge_upstream": Upstream("a;b", 80)},
        {"folder": None},
    ],
)
def test_the_operators_settings_are_checked(tmp_path, more):
    given = {"folder": tmp_path, "listen_http": ["80"], "listen_https": ["443"], **more}
    folder = given.pop("folder") or tmp_path / "a b"
    with pytest.raises(Refused, match=r"listen_http|challenge_upstream|folder"):
        Nginx(folder, "nginx", tmp_path / "pid", **given)


def test_a_folder_that_cannot_be_used_is_a_refusal(tmp_path, route):
    (tmp_path / "file").write_text("")
    adapter = Nginx(tmp_path / "file", "nginx", tmp_path / "pid", ["80"], ["443"])
    with pytest.raises(Refused) as raised:
        adapter.apply(adapter.render([route]))
    assert raised.value.code == "proxy_folder_unusable"


def test_a_missing_program_is_unavailable(nginx, route):
    adapter = Nginx(
        nginx.folder / "elsewhere", "/nonexistent/nginx", nginx.pid_file, ["80"], ["443"]
    )
    with pytest.raises(Unavailable) as raised:
        adapter.apply(adapter.render([route]))
    assert raised.value.code == "proxy_missing"


def test_words_of_nginx_lose_their_folders():
    assert without_paths('host not found in upstream "a" in /srv/x/releases/1/b.conf:12') == (
        'host not found in upstream "a" in b.conf:12'
    )


def _answers(query):
    reply = dns.message.make_response(query)
    question = query.question[0]
    if question.rdtype == dns.rdatatype.A and str(question.name) == "app.internal.test.":
        reply.answer.append(dns.rrset.from_text(question.name, 1, "IN", "A", "127.0.0.1"))
    return reply


def test_a_named_upstream_is_found_when_it_is_needed(tmp_path, route):
    with (
        ScriptedDns(_answers) as names,
        servers.Nginx(tmp_path, resolver=[f"127.0.0.1:{names.port}"]) as server,
    ):
        named = Upstream("app.internal.test", route.upstream.port)
        apply(server, replace(route, upstream=named), replace(route, id="b2", hostname="b.test"))
        seen = visit(("127.0.0.1", server.http_port), route.hostname, "/a%20b?x=%2f", scheme="http")
        assert json.loads(seen.body)["path"] == "/a%20b?x=%2f"
        assert seen.origin == route.upstream.port


def test_a_start_needs_no_name_server(tmp_path, route):
    """One tenant's name that does not resolve takes nobody else down."""
    with servers.Nginx(tmp_path, resolver=[f"127.0.0.1:{free_port()}"]) as server:
        lost = replace(route, id="bnd_2", hostname="lost.example.test")
        lost = replace(lost, upstream=Upstream("no-such-host.invalid", 80))
        local = replace(route, id="bnd_3", hostname="local.example.test")
        local = replace(local, upstream=Upstream("localhost", route.upstream.port))
        apply(server, route, lost, local)
        assert status(server) == 200
        server.stop()
        server.start_again()
        assert status(server) == 200
        assert status(server, "lost.example.test") == 503
        assert status(server, "local.example.test") == 200


def test_what_nginx_must_not_serve_is_closed_while_it_refuses_everything(passable, route):
    folder = passable / "refusing"
    folder.mkdir()
    with servers.Nginx(folder) as server:
        other = replace(route, id="bnd_2", hostname="other.example.test")
        apply(server, route, other)
        main = server.main.read_text()
        server.main.write_text(main.replace("worker_processes", "no_such x; worker_processes"))
        with pytest.raises(Refused):
            apply(server, other)
        assert status(server) == 200
        server.adapter.withdraw([RoutePlace(route.id, route.hostname, "/")])
        assert status(server) is None
        assert status(server, "other.example.test") == 200
        # Also when somebody repairs nginx and starts it before Nameplate comes by.
        server.main.write_text(main)
        server.stop()
        server.start_again()
        assert status(server) is None
        assert status(server, "other.example.test") == 200
        apply(server, route, other)
        assert status(server) == 200


def test_workers_that_cannot_see_what_is_withdrawn_are_told(tmp_path, route):
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    with servers.Nginx(folder) as server:
        apply(server, route)
        with pytest.raises(Refused) as raised:
            server.adapter.withdraw([RoutePlace(route.id, route.hostname, "/")])
        assert raised.value.code == "withdrawal_unseen"
        assert "Permission denied" not in server.error_log


def test_an_unchanged_host_is_not_rendered_again(nginx, route, monkeypatch):
    rendered = []
    original = nginx_fragments.servers

    def watched(layout, site):
        rendered.append(site.hostname)
        return original(layout, site)

    monkeypatch.setattr(nginx_fragments, "servers", watched)
    pair, _ = self_signed("*.once.test")
    routes = [
        replace(route, id=f"once_{i}", hostname=f"h{i}.once.test", key_pair=pair) for i in range(40)
    ]
    whole = nginx.adapter.render(routes)
    assert len(rendered) == 40
    rendered.clear()
    routes[7] = replace(routes[7], upstream=Upstream("127.0.0.1", 1))
    changed = nginx.adapter.render(routes)
    assert rendered == ["h7.once.test"]
    differing = [name for name, text in changed.files.items() if whole.files[name] != text]
    assert differing == ["once_7.conf"]
    renewed, _ = self_signed("*.once.test")
    rendered.clear()
    nginx.adapter.render([replace(one, key_pair=renewed) for one in routes])
    assert len(rendered) == 40
