"""Custom hostnames at Cloudflare: a configuration as a difference, and both state machines as one."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.fakes.cloudflare_saas import ZONE, FakeCustomHostnames

from nameplate.adapters.proxy.cloudflare import CloudflareHostnames, CloudflareProxyConfiguration
from nameplate.adapters.proxy.cloudflare_states import judge
from nameplate.adapters.vendors.cloudflare import PacedApi, connected
from nameplate.adapters.vendors.namecheap import RequestPace
from nameplate.core import configuration
from nameplate.core.error_catalogue import explain
from nameplate.core.errors import Invalid, RateLimited, Refused, Unavailable
from nameplate.core.route_settings import RouteSettings
from nameplate.core.secret import Secret
from nameplate.core.turns import Turn
from nameplate.ports.hosted_proxy import HostStage
from nameplate.ports.proxy import KeyPair, Redirect, Route, RoutePlace, RouteRefused, Upstream
from nameplate.testing.hosted_proxy import HostedProxyConformance

UP = Upstream("10.0.0.1", 8080)
SERVED, WAITING, STOPPED = HostStage.SERVED, HostStage.WAITING, HostStage.STOPPED


@pytest.fixture
def fake() -> Iterator[FakeCustomHostnames]:
    with FakeCustomHostnames() as server:
        yield server


def hostnames(
    fake: FakeCustomHostnames, token: str = "the-right-key", **given: Any
) -> CloudflareHostnames:
    config = CloudflareProxyConfiguration(account="cf", zone=ZONE, **given)
    return CloudflareHostnames(PacedApi(f"{fake.url}/client/v4", Secret(token)), config, "srv_1")


@pytest.fixture
def hosted(fake: FakeCustomHostnames) -> CloudflareHostnames:
    proxy = hostnames(fake)
    proxy.apply(proxy.render([route("a.example.com")]))
    return proxy


class TestHosted(HostedProxyConformance):
    """Cloudflare's states are those of the port."""


def route(host: str, number: int = 1, **more: Any) -> Route:
    return Route(f"bnd_{number}", host, "/", UP, **more)


def test_applying_is_a_difference_and_harmless_the_second_time(fake: FakeCustomHostnames) -> None:
    fake.theirs("theirs.example.com")
    proxy = hostnames(fake, origin="origin.platform.com")
    config = proxy.render([route("a.example.com"), route("b.example.com", 2)])
    assert config == proxy.render([route("a.example.com"), route("b.example.com", 2)])
    proxy.apply(config)
    proxy.apply(config)
    assert fake.writes() == ["POST", "POST"]
    assert fake.at("a.example.com")["custom_origin_server"] == "origin.platform.com"
    changed = hostnames(fake, origin="other.platform.com")
    changed.apply(changed.render([route("a.example.com")]))
    assert fake.writes()[2:] == ["DELETE", "PATCH"]
    changed.apply(changed.render([]))
    assert [one["hostname"] for one in fake.state.values()] == ["theirs.example.com"]


def test_apexes_and_names_of_other_scripts_are_hosts_like_any_other(
    fake: FakeCustomHostnames,
) -> None:
    proxy = hostnames(fake)
    names = ["example.com", "xn--bcher-kva.com", "www.xn--bcher-kva.com"]
    proxy.apply(proxy.render([route(name, number) for number, name in enumerate(names)]))
    assert sorted(one["hostname"] for one in fake.state.values()) == sorted(names)
    with pytest.raises(RouteRefused) as caught:
        proxy.render([route("b\u00fccher.com")])
    assert caught.value.code == "hostname_invalid"


def test_the_oldest_tls_version_is_asked_for_and_changed(fake: FakeCustomHostnames) -> None:
    proxy = hostnames(fake)
    for oldest in ("1.2", "1.2", "1.3", "1.3", "1.2"):
        settings = RouteSettings(min_tls_version=oldest)
        proxy.apply(proxy.render([route("a.example.com", settings=settings)]))
        assert fake.at("a.example.com")["ssl"]["settings"] == {"min_tls_version": oldest}
    assert fake.writes() == ["POST", "PATCH", "PATCH"]


def test_one_refused_host_costs_no_other_anything(fake: FakeCustomHostnames) -> None:
    fake.theirs("b.example.com")
    fake.quota = 2
    proxy = hostnames(fake)
    routes = [route("a.example.com"), route("b.example.com", 2), route("c.example.com", 3)]
    with pytest.raises(RouteRefused) as caught:
        proxy.apply(proxy.render(routes))
    assert set(caught.value.reasons) == {"bnd_2", "bnd_3"}
    assert fake.at("a.example.com") is not None
    codes = {host: one.reason for host, one in proxy.states().items()}
    assert codes["b.example.com"] == "custom_hostname_foreign"
    assert codes["c.example.com"] == "custom_hostname_quota"


def test_withdrawing_closes_ours_only(fake: FakeCustomHostnames) -> None:
    fake.theirs("b.example.com")
    proxy = hostnames(fake)
    proxy.apply(proxy.render([route("a.example.com"), route("c.example.com", 3)]))
    proxy.withdraw(
        [RoutePlace("bnd_1", "a.example.com", "/"), RoutePlace("x", "b.example.com", "/")]
    )
    assert [one["hostname"] for one in fake.state.values()] == ["b.example.com", "c.example.com"]


def test_a_lost_answer_makes_no_second_host(fake: FakeCustomHostnames) -> None:
    proxy = hostnames(fake)
    config = proxy.render([route("a.example.com")])
    fake.play("after")
    with pytest.raises(Unavailable):
        proxy.apply(config)
    proxy.apply(config)
    assert fake.writes() == ["POST"], "found again by its mark"


def test_our_certificate_is_uploaded_once_and_its_key_is_in_no_file(
    fake: FakeCustomHostnames,
) -> None:
    proxy = hostnames(fake, certificates="nameplate")
    for generation in ("crt_1-1", "crt_1-1", "crt_1-2"):
        pair = KeyPair(generation, f"bundle {generation}", Secret("private"))
        config = proxy.render([route("a.example.com", key_pair=pair)])
        assert not any(b"private" in content for content in config.files.values())
        proxy.apply(config)
    assert fake.writes() == ["POST", "PATCH"]
    assert fake.at("a.example.com")["ssl"]["custom_key"] == "private"
    fake.bad_certificates.add("a.example.com")
    pair = KeyPair("crt_1-3", "bundle 3", Secret("private"))
    with pytest.raises(RouteRefused) as caught:
        proxy.apply(proxy.render([route("a.example.com", key_pair=pair)]))
    assert caught.value.code == "custom_hostname_refused"
    assert "private" not in str(caught.value)


@pytest.mark.parametrize(
    "odd",
    [
        Route("bnd_9", "*.example.com", "/", UP),
        Route("bnd_9", "x.example.com", "/shop", UP),
        Route("bnd_9", "x.example.com", "/", UP, redirect=Redirect("a.example.com")),
        Route("bnd_9", 'x".example.com', "/", UP),
    ],
)
def test_what_a_custom_hostname_cannot_be_is_refused_alone(
    fake: FakeCustomHostnames, odd: Route
) -> None:
    with pytest.raises(RouteRefused) as caught:
        hostnames(fake).render([route("a.example.com"), odd])
    assert caught.value.route_ids == ("bnd_9",)


@pytest.mark.parametrize(
    ("status", "ssl", "stage", "reason"),
    [
        ("active", "active", SERVED, ""),
        ("active_redeploying", "backup_issued", SERVED, ""),
        ("pending", "initializing", WAITING, "custom_hostname_pending"),
        ("pending", "active", WAITING, "custom_hostname_pending"),
        ("pending", "validation_timed_out", STOPPED, "custom_hostname_timed_out"),
        ("active", "pending_validation", WAITING, "custom_hostname_validating"),
        ("active", "pending_issuance", WAITING, "custom_hostname_issuing"),
        ("active", "pending_deployment", WAITING, "custom_hostname_issuing"),
        ("active", "expired", STOPPED, "custom_hostname_expired"),
        ("active", "inactive", STOPPED, "custom_hostname_uncertified"),
        ("moved", "active", STOPPED, "custom_hostname_moved"),
        ("blocked", "active", STOPPED, "custom_hostname_blocked"),
        ("pending_deletion", "active", STOPPED, "custom_hostname_deleted"),
        ("unheard_of", "active", WAITING, "custom_hostname_pending"),
    ],
)
def test_two_states_are_one(status: str, ssl: str, stage: HostStage, reason: str) -> None:
    found = judge(
        {"id": "1", "hostname": "a.example.com", "status": status, "ssl": {"status": ssl}}
    )
    assert (found.stage, found.reason) == (stage, reason)
    assert not reason or explain(reason).turn in Turn


def test_what_the_owner_publishes_is_told_until_it_is_seen() -> None:
    owned = {"type": "txt", "name": "_cf-custom-hostname.a.example.com.", "value": "own"}
    entry = {
        "id": "1", "hostname": "a.example.com", "status": "pending", "ownership_verification": owned,
        "ssl": {"status": "pending_validation", "validation_records": [
            {"txt_name": "_acme-challenge.a.example.com", "txt_value": "dcv"}]},
        "verification_errors": ["custom hostname does not CNAME to this zone."],
    }  # fmt: skip
    found = judge(entry)
    assert [(one.name, one.value) for one in found.records] == [
        ("_cf-custom-hostname.a.example.com", "own"),
        ("_acme-challenge.a.example.com", "dcv"),
    ]
    assert "does not CNAME" in found.message
    assert judge({**entry, "status": "active", "ssl": {"status": "active"}}).records == ()


def test_a_wrong_token_and_a_wrong_zone_are_told(fake: FakeCustomHostnames) -> None:
    with pytest.raises(Refused) as caught:
        hostnames(fake, "wrong").states()
    assert caught.value.code == "credential_refused"
    with pytest.raises(Invalid):
        configuration.parse(CloudflareProxyConfiguration, {"account": "cf", "zone": "../../zones"})


def test_everything_with_one_token_has_one_rate_limit(fake: FakeCustomHostnames) -> None:
    assert connected(Secret("one")) is not connected(Secret("two"))
    held = connected(Secret("one"))
    assert connected(Secret("one")) is held
    pace = RequestPace(((1, 300.0),), provider="Cloudflare")
    api = PacedApi(f"{fake.url}/client/v4", Secret("the-right-key"), pace)
    proxy = CloudflareHostnames(api, CloudflareProxyConfiguration(account="cf", zone=ZONE), "srv_1")
    proxy.states()
    with pytest.raises(RateLimited):
        proxy.states()
