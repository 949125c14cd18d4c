from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nameplate.core.egress import _SPECIAL, EgressPolicy

DEFAULT = EgressPolicy()
PUBLIC = (
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "168.63.129.17",
    "172.15.255.255",
    "172.32.0.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001:81b::200e",
    "2001:200::1",
)
HOSTILE = (
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.1.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.19.0.1",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:10.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::10.0.0.1",
    "2002:7f00:1::",
    "2002:808:808::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "2606:4700::5efe:10.0.0.1",
    "2606:4700::200:5efe:127.0.0.1",
    "100::1",
    "2001:db8::1",
    "2001:20::1",
    "3fff::1",
    "5f00::1",
    "4000::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "fe80::1%eth0",
    "2606:4700::1111%eth0",
)
METADATA = (
    "169.254.169.254",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_reached(address):
    assert DEFAULT.refusal(address) is None


@pytest.mark.parametrize("address", HOSTILE + METADATA)
def test_everything_that_is_not_the_public_internet_is_refused(address):
    assert DEFAULT.refusal(address)


@pytest.mark.parametrize(
    "text",
    ["", "localhost", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "10.0.0.0/8", "[::1]"],
)
def test_other_spellings_of_addresses_are_not_addresses(text):
    assert DEFAULT.refusal(text) == "not an IP address"


@pytest.mark.parametrize("network", [network for network, _ in _SPECIAL], ids=str)
def test_first_and_last_address_of_every_special_block_is_refused(network):
    assert DEFAULT.refusal(network[0])
    assert DEFAULT.refusal(network[-1])


@pytest.mark.parametrize("address", METADATA)
def test_no_allowance_opens_a_metadata_address(address):
    everything = EgressPolicy(allow=(ip_network("0.0.0.0/0"), ip_network("::/0")))
    assert everything.refusal(address) == "metadata service of a cloud"
    assert everything.refusal("::ffff:169.254.169.254")
    assert everything.refusal("64:ff9b::a83f:8110")


def test_operator_allows_a_range_and_denies_inside_it():
    policy = EgressPolicy(allow=(ip_network("10.0.0.0/8"),), deny=(ip_network("10.9.0.0/16"),))
    assert policy.refusal("10.0.0.1") is None
    assert policy.refusal("10.9.0.1") == "denied by the operator"
    assert policy.refusal("192.168.0.1")
    assert policy.refusal("::ffff:10.0.0.1"), "the mapped form is a way around filters"


def test_operator_denies_a_public_range():
    policy = EgressPolicy(deny=(ip_network("8.8.8.0/24"),))
    assert policy.refusal("8.8.8.8") == "denied by the operator"


def test_allowed_nat64_still_looks_at_the_inner_address():
    policy = EgressPolicy(allow=(ip_network("64:ff9b::/96"),))
    assert policy.refusal("64:ff9b::8.8.8.8") is None
    assert policy.refusal("64:ff9b::10.0.0.1")


@given(st.ip_addresses())
def test_nothing_private_passes(ip):
    if DEFAULT.refusal(ip) is None:
        assert ip.is_global
        assert not ip.is_multicast


@given(st.ip_addresses(v=4))
def test_embedded_forms_never_pass(ip):
    for base in ("::", "::ffff:0:0", "64:ff9b::"):
        embedded = IPv6Address(int(ip_address(base)) | int(IPv4Address(ip)))
        assert DEFAULT.refusal(embedded)
