"""What every `DomainConnect` must do, before DNS hosts that offer it, do not, and answer nonsense."""

from collections.abc import Callable

from nameplate.core.errors import NameplateError, Refused, Unavailable
from nameplate.ports.domain_connect import DomainConnect

HaveTemplate = Callable[[bool], None]


class DomainConnectConformance:
    """Subclass it with these fixtures.

    `connect`; `zone`, whose DNS host offers Domain Connect; `bare_zone`, whose DNS host does not;
    `silent_zone`, whose DNS host cannot be reached; `odd_zone`, whose DNS host answers what cannot be
    used; and `have_template(there)`, which gives the service's template to the DNS host of `zone` or
    takes it away.
    """

    def test_it_says_who_asks(self, connect: DomainConnect) -> None:
        """The service has an id and a place for its template."""
        service = connect.service
        assert service.provider_id
        assert service.path.endswith(f"/services/{service.service_id}")

    def test_what_a_host_offers(self, connect: DomainConnect, zone: str) -> None:
        """Who it is and where it answers; asking again gives the same."""
        found = connect.discover(zone)
        assert found is not None
        assert found.id
        assert found.name
        assert str(found.api).startswith("https://")
        assert connect.discover(zone) == found

    def test_a_host_that_offers_nothing(self, connect: DomainConnect, bare_zone: str) -> None:
        """That is a value, no exception."""
        assert connect.discover(bare_zone) is None

    def test_the_template_comes_and_goes(
        self, connect: DomainConnect, zone: str, have_template: HaveTemplate
    ) -> None:
        """Whether the host has it is asked anew each time."""
        found = connect.discover(zone)
        assert found is not None
        for there in (True, False, True):
            have_template(there)
            assert connect.knows(found) is there

    def test_a_host_that_is_away(self, connect: DomainConnect, silent_zone: str) -> None:
        """Asking later may help."""
        raised = _raised(connect, silent_zone)
        assert isinstance(raised, Unavailable)
        assert raised.code.startswith("domain_connect_")

    def test_a_host_that_answers_nonsense(self, connect: DomainConnect, odd_zone: str) -> None:
        """Asking later will not help, and nothing of it is taken for an offer."""
        raised = _raised(connect, odd_zone)
        assert isinstance(raised, Refused)
        assert raised.code.startswith("domain_connect_")


def _raised(connect: DomainConnect, zone: str) -> NameplateError | None:
    """Return what asking for this zone raises, None when it does not."""
    try:
        connect.discover(zone)
    except NameplateError as error:
        return error
    return None
