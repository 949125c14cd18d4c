"""What was made of rows is used again only while they say the same."""

from nameplate.usecases.serving import known
from nameplate.usecases.serving.known import Known


def test_a_value_is_made_again_when_what_it_is_of_changes() -> None:
    made: list[tuple[object, ...]] = []

    def make(said: tuple[object, ...]) -> int:
        made.append(said)
        return len(made)

    values: Known[int] = Known()
    assert [values.of(1, ("a", {"b": 1}), make) for _ in range(3)] == [1, 1, 1]
    assert values.of(1, ("a", {"b": 2}), make) == 2
    assert values.of(2, ("a", {"b": 2}), make) == 3
    assert values.of(1, ("a", {"b": 1}), make) == 4


def test_there_is_an_end_to_what_is_known(monkeypatch) -> None:
    monkeypatch.setattr(known, "_MAX_KNOWN", 2)
    values: Known[int] = Known()
    for key in range(5):
        values.of(key, (key,), lambda said: said[0])
    assert len(values._known) <= 2
