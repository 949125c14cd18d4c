"""Content delivery networks that answer in place of the server behind them."""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

_CLOUDFLARE = tuple(
    ip_network(text)
    for text in [
        "173.245.48.0/20",
        "103.21.244.0/22",
        "103.22.200.0/22",
        "103.31.4.0/22",
        "141.101.64.0/18",
        "108.162.192.0/18",
        "190.93.240.0/20",
        "188.114.96.0/20",
        "197.234.240.0/22",
        "198.41.128.0/17",
        "162.158.0.0/15",
        "104.16.0.0/13",
        "104.24.0.0/14",
        "172.64.0.0/13",
        "131.0.72.0/22",
        "2400:cb00::/32",
        "2606:4700::/32",
        "2803:f800::/32",
        "2405:b500::/32",
        "2405:8100::/32",
        "2a06:98c0::/29",
        "2c0f:f248::/32",
    ]
)
"""As published at https://www.cloudflare.com/ips/."""

_NAMES = {
    "cdn.cloudflare.net": "Cloudflare",
    "cloudfront.net": "Amazon CloudFront",
    "fastly.net": "Fastly",
    "akamaiedge.net": "Akamai",
    "edgekey.net": "Akamai",
    "edgesuite.net": "Akamai",
    "azureedge.net": "Azure CDN",
    "azurefd.net": "Azure Front Door",
    "b-cdn.net": "bunny.net",
}
"""Network by the end of the names that lead into it."""


def of(addresses: Iterable[str], aliases: Iterable[str]) -> str | None:
    """Return the network that addresses or the targets of aliases belong to; None: none is known."""
    for alias in aliases:
        name = alias.removesuffix(".").lower()
        for end, network in _NAMES.items():
            if name.endswith(f".{end}"):
                return network
    for text in addresses:
        try:
            address = ip_address(text)
        except ValueError:
            continue
        if any(address in network for network in _CLOUDFLARE):
            return "Cloudflare"
    return None
