"""What must be true after every step of a random program."""

from hypothesis.stateful import invariant

from nameplate.core.lifecycle import BindingStatus
from nameplate.models import Binding
from tests.rights.sides import Sides
from tests.rights.world import Served

HOSTS = ("", "shop.", "a.shop.", "b.shop.", "x.", "*.", "*.shop.")
"""What stands left of the registrable domain in hosts that somebody may visit."""


class Truths(Sides):
    """The product and the model agree about who holds what and who is served."""

    @invariant()
    def holdings_are_what_proofs_give(self) -> None:
        found, expected = self.world.holdings(), self.model.holdings()
        assert found == expected, f"{found} instead of {expected}"
        kept = self.world.kept()
        assert kept == set(self.model.kept), f"{kept} are kept instead of {self.model.kept.keys()}"

    @invariant()
    def hosts_lead_to_their_holders(self) -> None:
        served = self.world.rendered()
        for one in served:
            claim = self.model.claims[one.claim]
            assert one.organization == claim.organization
            assert self.model.may_serve(claim, one.host), f"rendered {one.host}"
            if one.certificate is not None:
                row = self.world.certificate(one.certificate)
                assert row.organization_id == one.organization
                covering = {one.host, "*." + one.host.partition(".")[2]}
                assert covering & set(row.subject_alternative_names or ())
        there = {one.binding for one in served}
        for row in self.world.all(Binding):
            claim = self.model.claims[row.organization_domain_id]
            due = claim.is_proved and self.model.may_serve(claim, row.hostname)
            arrived = row.status in {BindingStatus.ACTIVE, BindingStatus.CONFIGURING}
            assert row.id in there or not (due and arrived), f"{row.hostname} is not rendered"
        self._edges_agree(served)

    def _edges_agree(self, served: list[Served]) -> None:
        """Compare what is rendered with what the edge answers, for names below a wildcard too."""
        owners = {one.host: one.organization for one in served}
        active = {one.host: one.organization for one in served if one.active}
        for edge in self.world.edges():
            for host in (left + self.world.base for left in HOSTS if "*" not in left):
                expected = active.get(host, active.get("*." + host.partition(".")[2]))
                assert expected is None or expected == self.model.holder(host), f"routed {host}"
                assert self.world.routed(edge, host) == expected, f"routed {host}"
                if self.world.asked_for(edge, host):
                    assert self.model.holder(host) == owners[host], f"asked for {host}"
