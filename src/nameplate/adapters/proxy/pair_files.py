"""The key pairs of a server's sites as files of a configuration, where few of them change at a time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain

from nameplate.adapters.proxy import keys
from nameplate.adapters.proxy.grouping import SiteChange
from nameplate.core.secret import Secret
from nameplate.ports.proxy import KeyPair


@dataclass(slots=True)
class PairFiles:
    """What `Config` says of key pairs: of one that several hosts present, once."""

    secrets: dict[str, Secret] = field(default_factory=dict)
    owners: dict[str, tuple[str, ...]] = field(default_factory=dict)
    later: dict[str, Callable[[], bytes]] = field(default_factory=dict)
    _presented: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    """Stem -> host -> its routes."""

    def change(self, change: SiteChange) -> None:
        """Follow the sites. Of two contents that a pair of one name has, the one that came last is told."""
        touched: dict[str, None] = {}
        for host, site in change.gone.items():
            if site.key_pair is not None:
                stem = keys.stem(site.key_pair)
                self._presented[stem].pop(host)
                touched[stem] = None
        for host, site in change.come.items():
            if site.key_pair is not None:
                stem = keys.stem(site.key_pair)
                self._presented.setdefault(stem, {})[host] = site.route_ids
                touched[stem] = None
                self._put(stem, site.key_pair)
        for site in change.paired.values():
            if site.key_pair is not None:
                self._put(keys.stem(site.key_pair), site.key_pair)
        self._own(touched)

    def _put(self, stem: str, pair: KeyPair) -> None:
        self.secrets[f"{stem}.key"] = pair.private_key
        self.later[f"{stem}.crt"] = _Bundle(pair)

    def _own(self, stems: Iterable[str]) -> None:
        for stem in stems:
            presented = self._presented[stem]
            if presented:
                ordered = (presented[host] for host in sorted(presented))
                self.owners[f"{stem}.crt"] = tuple(chain.from_iterable(ordered))
                continue
            del self._presented[stem], self.secrets[f"{stem}.key"], self.owners[f"{stem}.crt"]
            del self.later[f"{stem}.crt"]


@dataclass(frozen=True, slots=True)
class _Bundle:
    """What reads the certificate of a pair: equal to that of an equal pair, as configurations are compared."""

    pair: KeyPair

    def __call__(self) -> bytes:
        return self.pair.bundle.encode()
