"""Traefik 3, by its file provider or by its HTTP provider."""

from pathlib import Path

from nameplate.adapters.proxy.sites import own_upstream
from nameplate.adapters.proxy.traefik_files import TraefikFiles
from nameplate.adapters.proxy.traefik_look import RunningTraefik
from nameplate.adapters.proxy.traefik_pulled import PulledTraefik
from nameplate.adapters.proxy.traefik_rules import TraefikLayout
from nameplate.adapters.proxy.traefik_settings import TraefikConfiguration
from nameplate.ports.proxy import ProxyPlace, ProxyPlugin, Upstream

_READING = "Often another file in the folder cannot be read."
_FETCHING = (
    "Often it cannot reach Nameplate's edge, or does not send the token of "
    "`nameplate server edge-token`."
)


def connect(config: TraefikConfiguration, place: ProxyPlace) -> TraefikFiles | PulledTraefik:
    """Return the adapter for one server's Traefik."""
    layout = TraefikLayout(
        config.entry_point_http,
        config.entry_point_https,
        own_upstream(place.challenge_upstream),
        config.https_port,
        config.shared,
        config.unavailable_page,
    )
    at = Upstream(config.probe_address or place.address or "127.0.0.1", config.http_port)
    often = _FETCHING if config.provider == "http" else _READING
    running = RunningTraefik(at, config.api_url, config.patience, often)
    if config.provider == "http":
        return PulledTraefik(layout, running)
    folder = Path(place.folder)
    dynamic = Path(config.dynamic_folder) if config.dynamic_folder else folder / "dynamic"
    return TraefikFiles(folder, dynamic, layout, running, mounted_at=config.mounted_at)


plugin = ProxyPlugin(title="Traefik", configuration=TraefikConfiguration, connect=connect)
