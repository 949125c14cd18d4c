"""What DNS says of names, and who answers there, as Nameplate sees it."""

from collections.abc import Callable

from nameplate.core.encryption import KeyRing
from nameplate.ports.fetcher import Fetched, Hop, HttpOutcome
from nameplate.ports.resolver import Answer, AnswerKind, LookupResult
from nameplate.usecases.certificates import reachability

HERE, ELSEWHERE = "192.0.2.1", "198.51.100.9"


class SimulatedInternet:
    """Every host leads here, except those that lead elsewhere."""

    def __init__(self, ring: KeyRing, leads_elsewhere: Callable[[str], bool]) -> None:
        self._ring, self._leads_elsewhere = ring, leads_elsewhere

    def authoritative(self, name: str, rdtype: str, *, delegated: bool = False) -> LookupResult:
        del delegated
        if rdtype != "A":
            return LookupResult(name, (Answer(AnswerKind.NODATA, "ns1"),))
        address = ELSEWHERE if self._leads_elsewhere(name) else HERE
        return LookupResult(name, (Answer(AnswerKind.DATA, "ns1", (address,)),))

    def fetch_at(
        self, address: str, host: str, path: str, *, port: int | None = None, max_body: int = 1024
    ) -> Fetched:
        del port, max_body
        body = reachability.answer(self._ring, host, path.rpartition("/")[2]) or ""
        shown = body if address == HERE else "another page"
        return Fetched(HttpOutcome.ANSWERED, (Hop(path, address, 200),), shown.encode())

    def has_route(self, _address: str) -> bool:
        return True
