"""Values that travel between versions: all of their fields, and nothing that is not one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nameplate.core import value_codec as codec
from nameplate.core.secret import Secret
from nameplate.ports.agents import AgentReport, AgentState
from nameplate.ports.proxy import KeyPair, Route, Upstream


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Inner:
    name: str
    weight: float = 1.0


@dataclass(frozen=True)
class Outer:
    number: int
    colour: Colour = Colour.RED
    kind: Literal["a", "b", 3] = "a"
    inner: Inner | None = None
    several: tuple[Inner, ...] = ()
    pair: tuple[str, int] = ("x", 1)
    listed: Sequence[str] = ()
    by_name: Mapping[str, Inner] = field(default_factory=dict)
    free: Mapping[str, Any] = field(default_factory=dict)
    short: Annotated[str, "short"] = ""
    secret: Secret | None = None
    is_on: bool = False


texts = st.text(max_size=20)
inners = st.builds(Inner, texts, st.floats(allow_nan=False))
outers = st.builds(
    Outer,
    st.integers(),
    st.sampled_from(Colour),
    st.sampled_from(["a", "b", 3]),
    st.none() | inners,
    st.lists(inners, max_size=3).map(tuple),
    st.tuples(texts, st.integers()),
    st.lists(texts, max_size=3).map(tuple),
    st.dictionaries(texts, inners, max_size=3),
    st.dictionaries(texts, st.none() | st.booleans() | texts, max_size=3),
    texts,
    st.none() | texts.map(Secret),
    st.booleans(),
)


@given(outers)
def test_what_is_written_is_read_again(value: Outer) -> None:
    import json

    assert codec.decoded(Outer, json.loads(json.dumps(codec.encoded(value)))) == value


def test_what_has_its_default_is_not_said() -> None:
    """A newer version says nothing to an older one of what it does not use."""
    assert codec.encoded(Outer(1)) == {"number": 1}
    assert codec.encoded(Outer(1, inner=Inner("a"), is_on=True)) == {
        "number": 1, "inner": {"name": "a"}, "is_on": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({}, "number"),
        ({"number": "1"}, "number"),
        ({"number": True}, "number"),
        ({"number": 1.5}, "number"),
        ({"number": None}, "number"),
        ({"number": 1, "more": 1}, ""),
        ({"number": 1, "colour": "green"}, "colour"),
        ({"number": 1, "kind": "3"}, "kind"),
        ({"number": 1, "inner": {}}, "inner.name"),
        ({"number": 1, "inner": {"name": "a", "x": 1}}, "inner"),
        ({"number": 1, "several": {}}, "several"),
        ({"number": 1, "several": [{"name": "a"}, {"name": 1}]}, "several.1.name"),
        ({"number": 1, "pair": ["x"]}, "pair"),
        ({"number": 1, "by_name": {"k": 1}}, "by_name.k"),
        ({"number": 1, "secret": 5}, "secret"),
        ({"number": 1, "is_on": 1}, "is_on"),
        ([], ""),
        (None, ""),
    ],
)
def test_anything_else_is_refused_with_its_place(document: Any, place: str) -> None:
    with pytest.raises(codec.Unreadable) as refused:
        codec.decoded(Outer, document)
    assert refused.value.place == place


def test_no_value_is_repeated() -> None:
    with pytest.raises(codec.Unreadable) as refused:
        codec.decoded(Outer, {"number": "hunter2"})
    assert "hunter2" not in refused.value.detail


def test_all_that_agents_exchange_can_travel() -> None:
    """A field that a port gains is here without a second list; one that cannot travel fails here."""
    codec.check(AgentState)
    codec.check(AgentReport)
    with pytest.raises(TypeError):
        codec.check(set[str])
    pair = KeyPair("crt", "bundle", Secret("key"))
    route = Route("bnd", "a.example", "/", Upstream("10.0.0.1", 80), pair, force_https=False)
    state = AgentState("srv", 1, "f", "a", {"type": "nginx"}, (route,))
    assert codec.decoded(AgentState, codec.encoded(state)) == state
