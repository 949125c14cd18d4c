"""A network in front of an origin: which of its networks are believed, and what goes wrong with a mode."""

from dataclasses import replace

import pytest

from nameplate.core import cdn
from nameplate.core.cdn import OriginHost
from nameplate.core.cloudflare_networks import SHIPPED
from nameplate.core.error_catalogue import explain

HOST = OriginHost(
    "www.example.com", has_certificate=True, is_self_signed=False, forces_https=True, admits_few=False
)  # fmt: skip
BARE = replace(HOST, has_certificate=False)
SIGNED = replace(HOST, is_self_signed=True)
OPEN = replace(HOST, forces_https=False)


@pytest.mark.parametrize(
    ("mode", "host", "reason"),
    [
        ("off", HOST, "cdn_redirect_loop"),
        ("flexible", HOST, "cdn_redirect_loop"),
        ("flexible", OPEN, None),
        ("flexible", BARE, None),
        ("full", HOST, None),
        ("full", SIGNED, None),
        ("full", BARE, "cdn_origin_uncertified"),
        ("strict", HOST, None),
        ("strict", SIGNED, "cdn_origin_untrusted"),
        ("origin_pull", SIGNED, "cdn_origin_untrusted"),
        ("", BARE, None),
        ("unheard_of", HOST, None),
        ("strict", replace(HOST, admits_few=True), "cdn_blocks_visitors"),
    ],
)
def test_what_goes_wrong(mode: str, host: OriginHost, reason: str | None) -> None:
    found = cdn.problem(mode, [OPEN, host] if mode != "full" else [host])
    assert (found and found.reason) == reason
    if found is not None:
        assert host.hostname in found.message
        assert explain(found.reason).fix


def test_which_hosts_records_lead_to_the_network() -> None:
    names = ["www.example.com", "*.shop.example.com"]
    for host in ("www.example.com", "a.shop.example.com", "*.shop.example.com"):
        assert cdn.covers(names, host)
    for host in ("example.com", "shop.example.com", "a.b.shop.example.com", "*.example.com"):
        assert not cdn.covers(names, host)


def test_networks_are_canonical_and_none_is_suspicious() -> None:
    assert set(cdn.sound(SHIPPED.networks)) == set(SHIPPED.networks)
    assert cdn.sound(["2400:CB00::/32", "104.16.0.0/13", "104.16.0.0/13"]) == (
        "104.16.0.0/13", "2400:cb00::/32",
    )  # fmt: skip
    for wrong in ([], ["0.0.0.0/0"], ["10.0.0.0/16"], ["::/0"], ["104.16.0.1/13"], ["x"], ["224.0.0.0/12"]):  # fmt: skip
        with pytest.raises(ValueError):
            cdn.sound(wrong)
