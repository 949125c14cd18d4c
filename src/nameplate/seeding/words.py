"""The words of seeded rows, and how often each stands for a row."""

ADJECTIVES = (
    "amber", "bright", "calm", "clear", "coral", "crisp", "dapper", "early", "fair", "fine",
    "fresh", "gentle", "gold", "grand", "green", "happy", "hidden", "honest", "jolly", "keen",
    "kind", "light", "lively", "lucky", "mellow", "merry", "misty", "neat", "noble", "novel",
    "open", "plain",
)  # fmt: skip
NOUNS = (
    "acorn", "anchor", "arbor", "atlas", "barn", "beacon", "bridge", "brook", "cedar", "cove",
    "crane", "delta", "field", "forge", "garden", "grove", "harbor", "hill", "lake",
    "lantern", "maple", "meadow", "mill", "ocean", "orchard", "pine", "river", "sail",
    "stone", "tide", "vale", "willow",
)  # fmt: skip
SUFFIXES = (
    "com", "com", "com", "com", "com", "net", "org", "io", "dev", "app", "de", "fr", "nl",
    "co.uk", "com.au", "shop",
)  # fmt: skip
LABELS = (
    "www", "shop", "app", "docs", "blog", "api", "portal", "status",
)  # fmt: skip


def _weighted(**weights: int) -> tuple[str, ...]:
    """Return 256 words in these proportions, to be picked by one byte."""
    words = tuple(word for word, weight in weights.items() for _ in range(weight))
    if len(words) != 256:  # noqa: PLR2004 - one byte picks
        raise ValueError(f"weights add up to {len(words)}, not 256")
    return words


DOMAIN_STATUSES = _weighted(
    active=166, verified=26, pending_verification=38, suspended=8, expired=10, error=8
)
DOMAIN_TYPES = _weighted(custom=140, application=72, platform=28, wildcard=16)
CERTIFICATE_STATUSES = _weighted(active=224, renewing=14, pending=8, error=4, expired=4, revoked=2)
BINDING_STATUSES = _weighted(active=226, configuring=8, pending=8, error=10, disabled=4)
HEALTH = _weighted(healthy=228, degraded=10, unhealthy=8, unknown=10)
PROXIES = _weighted(nginx=140, caddy=70, traefik=30, cloudflare=16)
METHODS = _weighted(
    dns_txt=150, file_upload=40, dns_cname=26, meta_tag=16, email=4, acme_http=12, acme_dns=8
)
