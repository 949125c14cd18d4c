"""What every `Paced` adapter must do."""

from collections.abc import Sequence
from datetime import timedelta

from nameplate.core.budget import Limit
from nameplate.core.errors import RateLimited
from nameplate.ports.pacing import Paced


class PacedConformance:
    """The contract of `Paced`, as tests for pytest: subclass it with `make_paced` and `send`."""

    def make_paced(self) -> Paced:
        """Return an adapter before its server."""
        raise NotImplementedError

    def send(self, paced: Paced) -> None:
        """Send at least one request by the adapter; raise what it raises."""
        raise NotImplementedError

    def test_every_request_takes_a_turn(self) -> None:
        """By one key, with the provider's limits."""
        paced, taken = self.make_paced(), list[tuple[str, Sequence[Limit]]]()

        def take(key: str, limits: Sequence[Limit]) -> timedelta:
            taken.append((key, limits))
            return timedelta(0)

        paced.pace_by(take)
        self.send(paced)
        assert taken
        assert len({key for key, _ in taken}) == 1
        assert all(limits for _, limits in taken)

    def test_without_a_turn_nothing_is_sent(self) -> None:
        """And the error says how long it takes."""
        paced, wait = self.make_paced(), timedelta(minutes=7)
        paced.pace_by(lambda _key, _limits: wait)
        refused = self._refused(paced)
        assert refused is not None
        assert refused.retry_after is not None
        assert refused.retry_after >= wait

    def _refused(self, paced: Paced) -> RateLimited | None:
        try:
            self.send(paced)
        except RateLimited as error:
            return error
        return None
