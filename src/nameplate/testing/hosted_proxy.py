"""What a proxy must do that a service runs, and whose hosts have states of their own."""

from nameplate.ports.hosted_proxy import HostedProxy, HostStage


class HostedProxyConformance:
    """Subclass it with a fixture `hosted`: a `HostedProxy` with one host that is not served yet."""

    def test_says_why_a_host_is_not_served(self, hosted: HostedProxy) -> None:
        """A host that is not served has a code, a sentence and the id of what we made there."""
        (state,) = hosted.states().values()
        assert state.stage is not HostStage.SERVED
        assert state.reason
        assert state.message.endswith(".")
        assert state.id

    def test_asking_again_keeps_the_host(self, hosted: HostedProxy) -> None:
        """The service may look again at what it has given up; what is gone is no error."""
        before = hosted.states()
        hosted.retry([*(one.id for one in before.values()), "gone"])
        assert hosted.states().keys() == before.keys()
