"""What a server says of its proxy: checked when it is written, typed when it is used."""

from typing import Any

import pytest
from tests.api.client import Api
from tests.models import world as rows
from tests.usecases.offline import Offline

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Refused
from nameplate.core.lifecycle import BindingStatus, DomainStatus
from nameplate.models import Binding, Server
from nameplate.usecases.serving import probes, proxies

NEW = {"name": "edge", "address": "edge.example.net"}
RIGHT = {"type": "caddy", "admin_url": "http://127.0.0.1:1"}
WRONG: list[tuple[Any, str, str]] = [
    ({}, "/proxy/type", "proxy_unknown"),
    ({"type": "apache"}, "/proxy/type", "proxy_unknown"),
    ({"type": ["nginx"]}, "/proxy/type", "proxy_unknown"),
    ({"type": "nginx", "listen_http": ["28443 ssl"]}, "/proxy/listen_http/0", "setting_invalid"),
    ({"type": "nginx", "folder": "managed"}, "/proxy/folder", "setting_invalid"),
    ({"type": "nginx", "port": 1}, "/proxy/port", "setting_unknown"),
    ({"type": "caddy"}, "/proxy/admin_url", "setting_missing"),
    ({**RIGHT, "https_port": "443"}, "/proxy/https_port", "setting_invalid"),
]


@pytest.mark.parametrize(("proxy", "pointer", "code"), WRONG)
def test_a_wrong_proxy_is_refused_and_named(api: Api, proxy: Any, pointer: str, code: str) -> None:
    made = api.post("/v1/servers", {**NEW, "name": "other", "proxy": RIGHT})
    for method, path, body in (
        ("POST", "/v1/servers", {**NEW, "proxy": proxy}),
        ("PATCH", f"/v1/servers/{made['id']}", {"proxy": proxy}),
    ):
        refused = api.send(method, path, body)
        assert refused.status == 422, refused.raw
        found = [(one["pointer"], one["code"]) for one in refused.body["errors"]]
        assert found == [(pointer, code)]
    (kept,) = api.get("/v1/servers")["data"]
    assert kept["proxy"] == RIGHT


@pytest.mark.parametrize("proxy", [RIGHT, {"type": "nginx"}, {"type": "memory"}, None])
def test_a_right_one_is_taken_as_it_is(api: Api, proxy: Any) -> None:
    made = api.post("/v1/servers", {**NEW, "proxy": proxy})
    assert api.get(f"/v1/servers/{made['id']}")["proxy"] == proxy


@pytest.mark.parametrize(("proxy", "pointer", "code"), WRONG)
def test_a_row_from_before_loads_and_is_refused_when_used(
    api: Api, proxy: Any, pointer: str, code: str
) -> None:
    """Rows that nobody checked: they can be read, and what is wrong is told at the server."""
    offline = Offline(api.sessions)
    with api.sessions.begin(PLATFORM) as session:
        row = rows.server(session, None, proxy={**proxy}, name="old")
        number = row.id
    (shown,) = api.get("/v1/servers")["data"]
    assert shown["proxy"] == proxy
    if code == "setting_unknown":
        assert api.tools.proxy(row) is not None
        return
    with pytest.raises(Refused) as caught:
        api.tools.proxy(row)
    assert caught.value.code == code
    assert code == "proxy_unknown" or pointer.split("/")[2] in caught.value.detail
    proxies.reconcile(api.sessions, api.tools, offline.leased(Server, number))
    (shown,) = api.get("/v1/servers")["data"]
    assert shown["error_message"] == caught.value.detail


@pytest.mark.parametrize("status", [BindingStatus.CONFIGURING, BindingStatus.ACTIVE])
def test_a_probe_that_cannot_be_made_is_said_and_takes_nothing_down(
    api: Api, status: BindingStatus
) -> None:
    offline = Offline(api.sessions)
    with api.sessions.begin(PLATFORM) as session:
        acme = rows.organization(session)
        upstream = {"upstream_host": "127.0.0.1", "upstream_port": 1}
        shop = rows.application(session, acme, **upstream)
        domain = rows.domain(session, acme, status=DomainStatus.ACTIVE)
        proxy = {"type": "nginx", "http_port": "80"}
        machine = rows.server(session, None, proxy=proxy, configured_at=rows.NOW)
        number = rows.binding(
            session, shop, domain, server_id=machine.id, served_server_id=machine.id,
            status=status, ssl_enabled=False,
        ).id  # fmt: skip
    probes.sweep(api.sessions, api.tools, [offline.leased(Binding, number)])
    with api.sessions.begin(PLATFORM) as session:
        row = session.get_one(Binding, number)
        was = status is BindingStatus.ACTIVE
        assert row.status is (BindingStatus.ACTIVE if was else BindingStatus.ERROR)
        assert "http_port" in (row.error_message or "")
        assert row.next_action_at is not None


def test_a_binding_at_a_proxy_that_the_specification_does_not_name(api: Api) -> None:
    _, acme = api.organization("Acme")
    api.post("/v1/servers", {**NEW, "proxy": {"type": "memory"}})
    api.post("/v1/applications", {"name": "Shop", "organization": "acme"})
    acme.post("/v1/domains", {"name": "example.com"})
    made = acme.post("/v1/bindings", {"domain": "example.com", "application": "Shop"})
    assert made["hostname"] == "example.com"
