"""Which addresses Nameplate may connect to when somebody else chose the name.

`ipaddress.is_global` is not enough for this: it lets translated and tunnelled forms of private
addresses pass, and the metadata services of clouds on public addresses.
"""

from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def _table(text: str) -> tuple[tuple[Network, str], ...]:
    lines = (line.split(maxsplit=1) for line in text.strip().splitlines())
    return tuple((ip_network(network), what) for network, what in lines)


# IANA special-purpose address registries (RFC 6890), multicast and reserved space.
_SPECIAL = _table("""
    0.0.0.0/8           "this network" (RFC 791)
    10.0.0.0/8          private (RFC 1918)
    100.64.0.0/10       carrier-grade NAT (RFC 6598)
    127.0.0.0/8         loopback (RFC 1122)
    169.254.0.0/16      link-local (RFC 3927)
    172.16.0.0/12       private (RFC 1918)
    192.0.0.0/24        IETF protocol assignments (RFC 6890)
    192.0.2.0/24        documentation (RFC 5737)
    192.31.196.0/24     AS112 (RFC 7535)
    192.52.193.0/24     AMT (RFC 7450)
    192.88.99.0/24      6to4 relay (RFC 7526)
    192.168.0.0/16      private (RFC 1918)
    192.175.48.0/24     AS112 (RFC 7534)
    198.18.0.0/15       benchmarking (RFC 2544)
    198.51.100.0/24     documentation (RFC 5737)
    203.0.113.0/24      documentation (RFC 5737)
    224.0.0.0/4         multicast (RFC 5771)
    240.0.0.0/4         reserved (RFC 1112)
    ::1/128             loopback (RFC 4291)
    ::/96               IPv4-compatible (RFC 4291)
    ::ffff:0:0/96       IPv4-mapped (RFC 4291)
    ::ffff:0:0:0/96     IPv4-translated (RFC 2765)
    64:ff9b::/96        NAT64 (RFC 6052)
    64:ff9b:1::/48      local NAT64 (RFC 8215)
    100::/64            discard-only (RFC 6666)
    2001::/32           Teredo (RFC 4380)
    2001::/23           IETF protocol assignments (RFC 2928)
    2001:db8::/32       documentation (RFC 3849)
    2002::/16           6to4 (RFC 3056)
    2620:4f:8000::/48   AS112 (RFC 7534)
    3fff::/20           documentation (RFC 9637)
    5f00::/16           segment routing (RFC 9602)
    fc00::/7            unique local (RFC 4193)
    fe80::/10           link-local (RFC 4291)
    fec0::/10           site-local (RFC 3879)
    ff00::/8            multicast (RFC 4291)
""")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that IANA has given out as IPv6 unicast (RFC 4291 section 2.4)."""

_METADATA = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
    )
)
"""Where clouds hand credentials to whoever asks: AWS, Google, Azure, Alibaba, Oracle."""


@dataclass(frozen=True, slots=True)
class Detour:
    """Where to connect instead of public addresses that cannot be reached from inside."""

    network: Network
    """The public addresses."""
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """What may be connected to. `deny` wins over `allow`; `allow` opens otherwise refused ranges.

    Nothing opens the metadata addresses of clouds.
    """

    allow: tuple[Network, ...] = ()
    deny: tuple[Network, ...] = ()

    def refusal(self, address: str | Address) -> str | None:
        """Return why the address must not be connected to, or None when it may be."""
        try:
            ip = ip_address(address) if isinstance(address, str) else address
        except ValueError:
            return "not an IP address"
        inner = _embedded(ip)
        if inner is not None and self.refusal(inner):
            return f"carries an IPv4 address: {self.refusal(inner)}"
        outright = self._never(ip)
        if outright or _inside(ip, self.allow):
            return outright
        return _special(ip) if inner is None else "carries an IPv4 address"

    def _never(self, ip: Address) -> str | None:
        if isinstance(ip, IPv6Address) and ip.scope_id is not None:
            return "scoped to one link (RFC 4007)"
        if _inside(ip, self.deny):
            return "denied by the operator"
        return "metadata service of a cloud" if ip in _METADATA else None


def _inside(ip: Address, networks: tuple[Network, ...]) -> bool:
    return any(ip in network for network in networks)


def _special(ip: Address) -> str | None:
    for network, what in _SPECIAL:
        if ip in network:
            return what
    if isinstance(ip, IPv6Address) and ip not in _GLOBAL_UNICAST:
        return "not global unicast (RFC 4291)"
    return None


def _embedded(ip: Address) -> IPv4Address | None:
    """Return the IPv4 address inside a translated or tunnelled form, if it is one."""
    if isinstance(ip, IPv4Address) or int(ip) <= 1:
        return None
    if ip.teredo is not None:
        return ip.teredo[1]
    if ip.sixtofour is not None:
        return ip.sixtofour
    low = int(ip) & 0xFFFFFFFF
    if any(ip in network for network in _LOW_32_BITS):
        return IPv4Address(low)
    interface = (int(ip) >> 32) & 0xFFFFFFFF
    if interface in {0x00005EFE, 0x02005EFE}:  # ISATAP (RFC 5214 section 6.1)
        return IPv4Address(low)
    return None


_LOW_32_BITS = tuple(
    IPv6Network(text)
    for text in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
)
