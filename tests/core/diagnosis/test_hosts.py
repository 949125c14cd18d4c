"""Where a name leads: to its server, elsewhere, nowhere, or into a content delivery network."""

from dataclasses import replace

import pytest
from tests.core.diagnosis.seen import ADDRESS, NAME, WELL, checks, data, look, none, silent

from nameplate.core.diagnosis import networks
from nameplate.core.diagnosis.checks import diagnose
from nameplate.core.diagnosis.finding import Weight, add, remove
from nameplate.core.diagnosis.observed import DnsLook, Observed, Target

EDGE = "edge.platform.example"


def led(*looks: DnsLook, target: Target | None = WELL.target) -> Observed:
    return replace(WELL, hosts=looks, target=target)


def test_the_alias_of_the_server_is_right_whatever_its_addresses() -> None:
    hosts = (look("A", data("104.16.1.1")), look("CNAME", data(f"{EDGE}.")))
    assert checks(hosts=hosts, target=Target(EDGE, frozenset())) == []


def test_a_wrong_alias_is_replaced_by_the_right_one() -> None:
    hosts = (look("A", data("8.8.8.8")), look("CNAME", data("old.example.")))
    (found,) = diagnose(led(*hosts, target=Target(EDGE, frozenset({ADDRESS}))))
    assert found.check == "address_elsewhere"
    assert found.records == (remove("CNAME", NAME, "old.example"), add("CNAME", NAME, EDGE))


def test_without_a_known_server_only_what_cannot_be_right_is_said() -> None:
    assert checks(hosts=(look("A", data("8.8.8.8")),), target=None) == []
    assert checks(hosts=(look("A", none()),), target=None) == []
    assert checks(hosts=(look("A", data("192.168.1.1")),), target=None) == ["address_private"]


def test_a_name_that_nobody_claimed_and_that_leads_nowhere_is_noted() -> None:
    """Whoever looks before claiming it learns that nothing answers there."""
    nobodys = replace(WELL, hosts=(look("A", none()),), target=None, expected=None, proof=None)
    (found,) = diagnose(nobodys)
    assert (found.check, found.weight, found.records) == ("host_without_address", Weight.NOTE, ())
    assert not diagnose(replace(nobodys, hosts=(look("A", silent()),)))
    assert not diagnose(replace(nobodys, is_proved=True))


def test_servers_that_do_not_answer_are_no_missing_address() -> None:
    assert checks(hosts=(look("A", silent()), look("AAAA", silent()))) == []


def test_a_private_address_of_the_server_itself_is_meant() -> None:
    target = Target("", frozenset({"10.0.0.7"}))
    assert checks(hosts=(look("A", data("10.0.0.7")),), target=target) == []


def test_the_proxy_that_nameplate_turned_on_is_no_fault() -> None:
    hosts = (look("A", data("104.16.1.1")),)
    assert checks(hosts=hosts) == ["proxied"]
    (found,) = diagnose(replace(led(*hosts), is_proxied_here=True))
    assert (found.check, found.weight, found.turn) == ("proxied_as_wanted", Weight.NOTE, None)


@pytest.mark.parametrize(
    ("addresses", "aliases", "network"),
    [
        (["104.16.1.1"], [], "Cloudflare"),
        (["2606:4700::6810:1"], [], "Cloudflare"),
        (["8.8.8.8", "not an address"], [], None),
        ([], ["d1.CloudFront.net."], "Amazon CloudFront"),
        ([], ["cloudfront.net.example."], None),
    ],
)
def test_networks_are_known(addresses: list[str], aliases: list[str], network: str | None) -> None:
    assert networks.of(addresses, aliases) == network
