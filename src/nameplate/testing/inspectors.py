"""What a proxy must do that can read its operator's own configuration."""

from nameplate.ports.proxy import Inspector


class InspectorConformance:
    """Subclass it with fixtures `clear` and `colliding`: an `Inspector` that nothing meets, and one with something."""

    def test_says_nothing_where_nothing_is_in_the_way(self, clear: Inspector) -> None:
        """An operator's usual configuration is no collision."""
        assert isinstance(clear, Inspector)
        assert list(clear.collisions()) == []

    def test_says_what_is_in_the_way_and_what_to_do(self, colliding: Inspector) -> None:
        """Each collision is a sentence with what to do, and asking changes nothing."""
        found = list(colliding.collisions())
        assert found
        assert all(one.message.endswith(".") and one.fix.endswith(".") for one in found)
        assert list(colliding.collisions()) == found
