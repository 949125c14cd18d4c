"""Content delivery networks that answer in place of the server behind them."""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from nameplate.core.cloudflare_networks import SHIPPED

_CLOUDFLARE = tuple(ip_network(text) for text in SHIPPED.networks)

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
