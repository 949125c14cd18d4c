"""One grammar for path prefixes, and one writing for each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nameplate.adapters.proxy import sites
from nameplate.core import paths
from nameplate.core.errors import Invalid
from nameplate.ports.proxy import Route, RouteRefused, Upstream


@pytest.mark.parametrize(
    ("given_", "canonical"),
    [("/", "/"), ("/api", "/api"), ("/api/", "/api"), ("/a.b/~c_d-e", "/a.b/~c_d-e")],
)
def test_one_writing_for_each_prefix(given_: str, canonical: str) -> None:
    assert paths.parse(given_) == canonical


@pytest.mark.parametrize(
    "hostile",
    [
        *("", "api", "//", "/a//b", "/a//", "/a+b", "/@u", "/a=b", "/(x)", "/x:y", "/x/.."),
        *("/./x", "/a b", "/a\n", "/é", "/{x}", "/$x", "/a;b", "/%2e", "/" + "a" * 255),
    ],
)
def test_what_a_proxy_could_misread_is_refused_at_the_door(hostile: str) -> None:
    with pytest.raises(Invalid) as caught:
        paths.parse(hostile)
    assert (caught.value.code, caught.value.problems[0].pointer) == ("path_invalid", "/path")


@given(st.one_of(st.text(max_size=40), st.from_regex(r"(/[a-z.~_-]{0,4}){1,4}", fullmatch=True)))
def test_the_door_and_the_proxies_agree(text: str) -> None:
    """What is admitted is rendered, and what a proxy would refuse is not admitted."""
    try:
        path = paths.parse(text)
    except Invalid:
        path = text
        admitted = False
    else:
        admitted = True
        assert paths.parse(path) == path
    route = Route("bnd_1", "a.example.com", path, Upstream("127.0.0.1", 80))
    try:
        sites.group([route])
    except RouteRefused:
        assert not admitted
    else:
        assert admitted


def test_a_route_that_contradicts_an_earlier_one_hurts_only_itself() -> None:
    def route(number: int, path: str, *, hsts: bool = True) -> Route:
        return Route(f"bnd_{number}", "a.example.com", path, Upstream("127.0.0.1", 80), hsts=hsts)

    routes = [
        route(1, "/api"),
        route(2, "/"),
        route(3, "/api", hsts=False),
        route(4, "/x:y"),
        route(5, "/b"),
    ]
    with pytest.raises(RouteRefused) as caught:
        sites.group(routes)
    assert set(caught.value.reasons) == {"bnd_3", "bnd_4"}
    left = [one for one in routes if one.id not in caught.value.reasons]
    (site,) = sites.group(left)
    assert [one.path for one in site.locations] == ["/api", "/b", "/"]
