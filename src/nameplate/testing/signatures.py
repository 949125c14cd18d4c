"""What every `SignatureChecker` must do, before zones that are signed well, badly, and not at all."""

from nameplate.ports.resolver import SignatureChecker


class SignatureCheckerConformance:
    """Subclass it with fixtures `checker`, `signed`, `expired` and `unsigned`.

    The last three are names of zones below a parent that answers; `signed` and `expired` have a DS
    record there, `unsigned` has none and no keys.
    """

    def test_signatures_that_hold(self, checker: SignatureChecker, signed: str) -> None:
        """The chain from the parent's DS to the zone's records is whole."""
        found = checker.signatures(signed, signed, "NS")
        assert found is not None
        assert (found.has_ds, found.has_keys, found.fault) == (True, True, "")
        assert found.evidence

    def test_signatures_that_do_not_hold(self, checker: SignatureChecker, expired: str) -> None:
        """The fault is a slug, and the evidence says where it is."""
        found = checker.signatures(expired, expired, "NS")
        assert found is not None
        assert (found.has_ds, found.has_keys, found.fault) == (True, True, "expired")
        assert any("expired" in line for line in found.evidence)

    def test_a_zone_without_signatures(self, checker: SignatureChecker, unsigned: str) -> None:
        """It has nothing that could be wrong."""
        found = checker.signatures(unsigned, unsigned, "NS")
        assert found is not None
        assert (found.has_ds, found.has_keys, found.fault) == (False, False, "")

    def test_what_cannot_be_seen_is_not_judged(self, checker: SignatureChecker) -> None:
        """Nothing is raised for a name without a zone."""
        for name in ("nowhere.invalid", "a..b", ""):
            assert checker.signatures(name, name, "A") is None, name
