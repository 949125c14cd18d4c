"""What a server's `proxy` says of a Traefik."""

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from nameplate.core.configuration import Form, Url, between, setting
from nameplate.ports.proxy import Folder, ProxyConfiguration

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")

EntryPoint = Annotated[
    str,
    Form(
        "entry point",
        "the name of an entry point, of letters, digits, - and _",
        lambda text: _NAME.fullmatch(text) is not None,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TraefikConfiguration(ProxyConfiguration):
    """The keys of `proxy` with the type `traefik`."""

    provider: Literal["file", "http"] = setting(
        "How Traefik gets its dynamic configuration: `file` from `dynamic_folder`, `http` from "
        "`/edge/traefik/SERVER.json`.",
        default="file",
    )
    dynamic_folder: Folder | None = setting(
        "Folder that Traefik's file provider watches, on the same file system as `folder`. Default: "
        "`dynamic` in `folder`.",
        default=None,
    )
    mounted_at: Folder | None = setting(
        "Where Traefik sees `folder`, if it runs in a container. Default: the same path.",
        default=None,
    )
    entry_point_http: EntryPoint = setting("Entry point for HTTP.", default="web")
    entry_point_https: EntryPoint = setting("Entry point for HTTPS.", default="websecure")
    shared: bool = setting(
        "Whether others also serve hosts on these entry points, as Coolify does. If set, hosts without "
        "a binding and the default TLS options are left to them.",
        default=False,
    )
    api_url: Url | None = setting(
        "URL of Traefik's API, as in http://127.0.0.1:8080. If set, errors that Traefik finds are "
        "reported.",
        default=None,
    )
    unavailable_page: bool = setting(
        "Whether hosts whose application is down answer 503 with a page, which Traefik gets from "
        "`challenge_upstream`. Needs Traefik 3.4; an older one refuses the whole configuration.",
        default=False,
    )
    patience: Annotated[int, between(1, 60)] = setting(
        "Seconds for which Traefik may take to serve a change.", default=15
    )

    def conflict(self) -> str | None:
        """Refuse an agent for a Traefik that fetches its configuration itself."""
        if self.reach == "agent" and self.provider == "http":
            return "With `reach` `agent` set `provider` to `file`: the agent writes the files."
        return None
