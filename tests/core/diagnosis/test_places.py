"""Where a record ends up by mistake."""

from nameplate.core.diagnosis import places


def test_places_are_few_and_never_the_right_one() -> None:
    record = "_nameplate-challenge.a.shop.example.com"
    found = places.of(record, "a.shop.example.com", "example.com", "example.com")
    assert found[0] == f"{record}.example.com"
    assert {"a.shop.example.com", "example.com", "_nameplate-challenge.example.com"} <= set(found)
    assert record not in found
    assert len(found) == len(set(found)) <= 10


def test_a_name_that_is_too_long_is_not_asked_for() -> None:
    name = ".".join(["x" * 60] * 3) + ".example.com"
    found = places.of(f"_nameplate-challenge.{name}", name, "example.com", "example.com")
    assert all(len(one) <= 253 for one in found)


def test_doubled_is_what_begins_with_the_whole_record() -> None:
    record = "_x.shop.example.com"
    assert places.is_doubled(f"{record}.example.com", record)
    assert places.is_doubled(f"{record}.shop.example.com", record)
    assert not places.is_doubled(f"{record}.example.net", record)
    assert not places.is_doubled("_x.example.com", record)
