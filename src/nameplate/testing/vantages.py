"""What every `Vantages` must do, with one place that can be asked and one that cannot."""

from nameplate.ports.resolver import AnswerKind
from nameplate.ports.vantages import Vantages


class VantagesConformance:
    """Subclass it with fixtures `vantages` and `published`: a name with a TXT record, and its text.

    Two places are set up, of which the second cannot be asked.
    """

    def test_each_place_has_its_look(self, vantages: Vantages, published: tuple[str, str]) -> None:
        """What could not be asked says why, and hides nothing."""
        name, text = published
        seen, silent = vantages.look(name, "TXT")
        assert seen.found is not None
        assert {(one.kind, one.values) for one in seen.found.answers} == {
            (AnswerKind.DATA, (text,))
        }
        assert (silent.found, bool(silent.detail)) == (None, True)
        assert seen.vantage != silent.vantage

    def test_what_is_no_name_is_an_answer_too(self, vantages: Vantages) -> None:
        """Nothing is raised."""
        for name in ("a..b", "x" * 300):
            for look in vantages.look(name, "TXT"):
                kinds = {one.kind for one in look.found.answers} if look.found else set()
                assert AnswerKind.DATA not in kinds
