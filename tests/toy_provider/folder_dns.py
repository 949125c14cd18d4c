"""A DNS provider for Nameplate that keeps each zone as a JSON file in a folder."""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nameplate.adapters.changes.compare import moved, settled, shown
from nameplate.core.configuration import (
    Credential,
    Credentials,
    FilePath,
    credential,
    setting,
)
from nameplate.core.errors import Refused, Unavailable
from nameplate.core.records import Change, RRset, units
from nameplate.core.secret import Secret
from nameplate.ports.dns import DnsConfiguration, DnsProviderPlugin, Outcome, Result, Zone

Content = dict[tuple[str, str], RRset]


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderConfiguration(DnsConfiguration):
    """What an account says in its configuration."""

    folder: FilePath = setting("Folder with `<zone>.json` for each zone, and `token`.")


class FolderDns:
    """One folder. Each call reads and writes whole files."""

    def __init__(self, folder: Path, token: Secret) -> None:
        self._folder = folder
        self._token = token
        self._lock = threading.Lock()

    def zones(self) -> Sequence[Zone]:
        """Return every zone of the folder."""
        self._check_token()
        return [Zone(path.stem, path.stem) for path in sorted(self._folder.glob("*.json"))]

    def records(self, zone: Zone) -> Sequence[RRset]:
        """Return every record set of the zone."""
        self._check_token()
        return sorted(self._read(zone).values())

    def apply(self, zone: Zone, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Apply what can be applied; changes that belong together stand or fall together."""
        self._check_token()
        outcomes: dict[Change, Outcome] = {}
        with self._lock:
            content = self._read(zone)
            for unit in units(changes):
                outcomes |= {outcome.change: outcome for outcome in _applied(content, unit)}
            self._path(zone).write_text(json.dumps(list(content.values())))
        return [outcomes[change] for change in changes]

    def _check_token(self) -> None:
        try:
            expected = (self._folder / "token").read_text().strip()
        except OSError:
            raise Unavailable("provider_unreachable", "The folder cannot be read.") from None
        if Secret(expected) != self._token:
            raise Refused("credential_refused", "The folder has another token.")

    def _read(self, zone: Zone) -> Content:
        try:
            rows = json.loads(self._path(zone).read_text())
        except OSError:
            raise Refused("zone_missing", f"There is no zone {zone.name} here.") from None
        rrsets = (RRset(name, kind, ttl, tuple(values)) for name, kind, ttl, values, *_ in rows)
        return {rrset.key: rrset for rrset in rrsets}

    def _path(self, zone: Zone) -> Path:
        return self._folder / f"{zone.name}.json"


def _applied(content: Content, unit: Sequence[Change]) -> list[Outcome]:
    """Make the changes of one unit in `content`, all or none."""
    done = [settled(change, content) for change in unit]
    if any(outcome and outcome.result is Result.MOVED for outcome in done):
        return [one or moved(change) for change, one in zip(unit, done, strict=True)]
    wanted = {change.key: change.after for change in unit}
    if _crowds_a_cname(content, wanted):
        detail = f"{shown(unit[0])}: a CNAME must be alone at its name."
        return [Outcome(change, Result.REFUSED, detail) for change in unit]
    for key, after in wanted.items():
        content.pop(key, None)
        if after is not None:
            content[key] = after
    return [Outcome(change, Result.APPLIED) for change in unit]


def _crowds_a_cname(content: Content, wanted: Mapping[tuple[str, str], RRset | None]) -> bool:
    name = next(iter(wanted))[0]
    kept = {rdtype for owner, rdtype in content if owner == name and (owner, rdtype) not in wanted}
    types = kept | {rdtype for (_, rdtype), after in wanted.items() if after is not None}
    return "CNAME" in types and len(types) > 1 and any(wanted.values())


def connect(config: FolderConfiguration, credentials: Credentials) -> FolderDns:
    """Return the provider of one account."""
    return FolderDns(Path(config.folder), credential(credentials, "token"))


plugin = DnsProviderPlugin(
    title="Zones in a folder",
    configuration=FolderConfiguration,
    credentials=(Credential("token", "The content of the folder's file `token`."),),
    connect=connect,
)
