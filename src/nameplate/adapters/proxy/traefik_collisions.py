"""What others tell a Traefik that meets what Nameplate tells it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from nameplate.adapters.proxy import traefik_documents as documents
from nameplate.adapters.proxy.traefik_look import RunningTraefik
from nameplate.adapters.proxy.traefik_rules import TraefikLayout, hosts_of
from nameplate.ports.proxy import Collision

_NAMED = 5
_READ = {".yaml", ".yml", ".toml"}


def found(
    layout: TraefikLayout, running: RunningTraefik, ours: Sequence[str], dynamic: Path | None
) -> Sequence[Collision]:
    """Return it: of the entry points, of files in `dynamic`, and of hosts that the documents `ours` name."""
    foreign = running.foreign_rules() or (dict(_files(dynamic)) if dynamic else {})
    return [*_entry_points(layout, running), *_options(layout, dynamic), *_hosts(ours, foreign)]


def _entry_points(layout: TraefikLayout, running: RunningTraefik) -> Iterator[Collision]:
    known = running.entry_points()
    if known is None:
        return
    for name in (layout.http, layout.https):
        if name not in known:
            yield Collision(
                f"Traefik has no entry point `{name}`.",
                "Correct `entry_point_http` and `entry_point_https` of the server's `proxy`.",
            )
    if (known.get(layout.http, {}).get("http") or {}).get("redirections"):
        yield Collision(
            f"The entry point `{layout.http}` redirects every request, so proofs over HTTP are not answered.",
            "Remove `redirections` from it. Nameplate redirects each host that is to be.",
        )


def _options(layout: TraefikLayout, dynamic: Path | None) -> Iterator[Collision]:
    if layout.shared or dynamic is None:
        return
    for name, text in _files(dynamic):
        if "options" in text and "sniStrict" in text:
            yield Collision(
                f"`{name}` has TLS options, as Nameplate has for hosts without a binding.",
                "Set `shared` in the server's `proxy`, or remove the options `default` from the file.",
            )


def _hosts(ours: Sequence[str], foreign: dict[str, str]) -> Iterator[Collision]:
    bound = hosts_of(ours)
    for name, text in foreign.items():
        both = sorted(bound & hosts_of([text]))
        if both:
            named = ", ".join(both[:_NAMED])
            yield Collision(
                f"`{name}` also serves {named}. Nameplate's routers come first.",
                f"Remove the hosts from `{name}`, or remove their bindings.",
                is_harmless=True,
            )


def _files(dynamic: Path | None) -> Iterator[tuple[str, str]]:
    """Yield the files of others that Traefik's file provider reads, with what is in them."""
    if dynamic is None or not dynamic.is_dir():
        return
    for path in sorted(dynamic.rglob("*")):
        ours = path.name == documents.COMMON or path.parent.name == documents.HOSTS
        if path.suffix.lower() in _READ and not ours and path.is_file():
            yield path.name, path.read_text(errors="replace")
