"""What a snapshot answers: a function of host and path, never another organization's application."""

import tracemalloc
from itertools import groupby
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nameplate.edge.snapshot import EdgeRoute, EdgeTarget, Match, Snapshot
from nameplate.usecases.serving.hosts import ServedHost


def host(name: str, path: str = "/", organization: int = 1, **columns: Any) -> ServedHost:
    default: dict[str, Any] = {
        "application": f"app_{organization}",
        "upstream": "10.0.0.1:80",
        "active": True,
        "permitted": True,
    }
    return ServedHost(name, path, organization, **(default | columns))


def snapshot(*hosts: ServedHost) -> Snapshot:
    return Snapshot.of(sorted(hosts, key=lambda one: one.hostname))


SHOP = snapshot(
    host("shop.acme.com"),
    host("shop.acme.com", "/api", application="app_api"),
    host("shop.acme.com", "/api/v2/", application="app_v2"),
    host("*.acme.com", application="app_wild"),
    host("plain.acme.com", permitted=False),
    host("arriving.acme.com", active=False),
)


@pytest.mark.parametrize(
    "spelling",
    [
        "shop.acme.com",
        "SHOP.acme.COM",
        "shop.acme.com.",
        "shop.acme.com:443",
        "Shop.acme.com.:8443",
    ],
)
def test_spellings_of_one_host(spelling: str) -> None:
    assert SHOP.ask(spelling)
    assert SHOP.route(spelling) == Match(
        "shop.acme.com", EdgeRoute.of("/", EdgeTarget("app_1", "10.0.0.1:80"))
    )


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            ".",
            "..",
            "com",
            "acme.com",
            "a.b.acme.com",
            "*.acme.com",
            ".acme.com",
            "-a.acme.com",
        ),
        *("a_b.acme.com", " .acme.com", "a .acme.com", "a/b.acme.com", "shop.acme.com..", "\x00"),
        *("shop.acme.com:x", "shop.acme.com:1:2", "shop.acme.com:123456", "shop.acme.com:٣"),
        *(
            "shop.acme.com/",
            "http://shop.acme.com",
            "shop@acme.com",
            "1.2.3.4",
            "[::1]",
            "[::1]:443",
        ),
        *(
            "shop.acme.com\n",
            "\u212ahop.acme.com",
            "\u017fhop.acme.com",
            "\uff33hop.acme.com",
            "é.acme.com",
        ),
        *("a" * 64 + ".acme.com", "a." * 5000 + "acme.com", "www." * 60 + "acme.com"),
    ],
)
def test_anything_else_is_unknown(name: str) -> None:
    assert not SHOP.ask(name)
    assert SHOP.route(name) is None


@pytest.mark.parametrize(
    ("path", "application"),
    [
        *(("/", "app_1"), ("/apix", "app_1"), ("/API", "app_1"), ("/x/api", "app_1")),
        *(
            ("/api", "app_api"),
            ("/api/", "app_api"),
            ("/api/x", "app_api"),
            ("/api/v20", "app_api"),
        ),
        *(("/api/v2", "app_v2"), ("/api/v2/", "app_v2"), ("/api/v2/x?y", "app_v2")),
        *(("/api/../x", "app_1"), ("//api/x", "app_api"), ("/x/../api/./v2", "app_v2")),
        *(("", "app_1"), ("/../../api", "app_api")),
    ],
)
def test_the_longest_path_wins_by_segments(path: str, application: str) -> None:
    match = SHOP.route("shop.acme.com", path)
    assert match is not None
    assert match.route.application == application


def test_a_path_that_is_none_leads_nowhere() -> None:
    assert SHOP.route("shop.acme.com", "api") is None
    assert snapshot(host("a.com", "/api")).route("a.com", "/") is None


def test_a_wildcard_covers_one_label_and_permits_nothing() -> None:
    match = SHOP.route("other.acme.com")
    assert match == Match(
        "other.acme.com", EdgeRoute.of("/", EdgeTarget("app_wild", "10.0.0.1:80"))
    )
    assert not SHOP.ask("other.acme.com")
    assert SHOP.route("a.other.acme.com") is None


def test_ask_needs_https_and_route_an_active_binding() -> None:
    assert not SHOP.ask("plain.acme.com")
    assert SHOP.route("plain.acme.com")
    assert SHOP.ask("arriving.acme.com")
    alone = snapshot(host("arriving.acme.com", active=False))
    assert alone.route("arriving.acme.com") is None
    covered = SHOP.route("arriving.acme.com")
    assert covered is not None
    assert covered.route.application == "app_wild"


def test_targets_of_one_path_and_their_weights() -> None:
    made = snapshot(
        host("a.com", weight=25, upstream="10.0.0.2:80", application="app_new"),
        host("a.com", weight=75),
        host("a.com", weight=0, upstream="10.0.0.3:80"),
        host("a.com", weight=100, upstream="10.0.0.4:80", active=False),
        host("a.com", "/gone", weight=0),
    )
    match = made.route("a.com", "/gone/x")
    assert match is not None
    assert match.route.targets == (
        EdgeTarget("app_1", "10.0.0.1:80", 75),
        EdgeTarget("app_new", "10.0.0.2:80", 25),
        EdgeTarget("app_1", "10.0.0.3:80", 0),
    )
    assert match.route.application == "app_1"
    drained = snapshot(host("a.com", weight=0), host("b.com", weight=0, permitted=True))
    assert drained.route("a.com") is None
    assert drained.ask("b.com")


def test_an_exact_host_without_that_path_is_not_covered_by_a_wildcard() -> None:
    assert snapshot(host("a.x.com", "/api"), host("*.x.com")).route("a.x.com", "/") is None


def test_two_organizations_on_one_name_serve_neither() -> None:
    both = snapshot(host("a.com"), host("a.com", "/b", organization=2), host("b.com"))
    assert not both.ask("a.com")
    assert both.route("a.com") is None
    assert both.route("a.com", "/b") is None
    assert both.ask("b.com")


def test_replacing_leaves_the_old_snapshot_alone() -> None:
    new = SHOP.replaced([("shop.acme.com", []), ("*.acme.com", []), ("b.com", [host("b.com")])])
    assert new.route("shop.acme.com") is None
    assert new.route("other.acme.com") is None
    assert new.ask("b.com")
    assert SHOP.ask("shop.acme.com")
    assert SHOP.route("other.acme.com")
    assert not SHOP.ask("b.com")
    assert (len(SHOP), len(new)) == (4, 3)


NAMES = st.sampled_from(["x.com", "a.x.com", "b.x.com", "*.x.com", "a.a.x.com", "*.a.x.com"])
PATHS = st.sampled_from(["/", "/a", "/a/b", "/ab"])
HOSTS = st.lists(
    st.builds(
        lambda name, path, organization, app, active, permitted: host(
            name,
            path,
            organization,
            application=f"app_{organization}_{app}",
            active=active,
            permitted=permitted,
        ),
        NAMES,
        PATHS,
        st.integers(1, 2),
        st.integers(1, 2),
        st.booleans(),
        st.booleans(),
    ),
    max_size=8,
)


@given(HOSTS, NAMES, PATHS, st.randoms(use_true_random=False))
def test_route_is_a_function_within_one_organization(
    hosts: list[ServedHost], name: str, path: str, random: Random
) -> None:
    made = snapshot(*hosts)
    match = made.route(name, path)
    random.shuffle(hosts)
    assert snapshot(*hosts).route(name, path) == match
    wild = "*." + name.partition(".")[2]
    exact = [one for one in hosts if one.hostname == name and "*" not in name]
    owners = {one.organization for one in exact}
    serving = exact if len(owners) == 1 and any(one.active for one in exact) else []
    if not serving and "*" not in name:
        serving = [one for one in hosts if one.hostname == wild]
        serving = serving if len({one.organization for one in serving}) == 1 else []
    fitting = [
        one
        for one in serving
        if one.active and (one.path in {"/", path} or path.startswith(one.path + "/"))
    ]
    if match is None:
        assert fitting == []
    else:
        longest = max(len(one.path) for one in fitting)
        best = [one for one in fitting if len(one.path) == longest]
        assert {match.route.path} == {one.path for one in best}
        assert {one.application for one in match.route.targets} == {one.application for one in best}
    permitted = len(owners) == 1 and any(one.permitted for one in exact)
    assert made.ask(name) == permitted


@given(HOSTS, HOSTS)
def test_replaced_equals_loaded(before: list[ServedHost], after: list[ServedHost]) -> None:
    named = {one.hostname for one in before} | {one.hostname for one in after}
    after.sort(key=lambda one: one.hostname)
    now = {name: list(of) for name, of in groupby(after, lambda one: one.hostname)}
    moved = snapshot(*before).replaced((name, now.get(name, [])) for name in named)
    loaded = Snapshot.of(after)
    assert (moved._exact, moved._wild) == (loaded._exact, loaded._wild)


@given(st.text(), st.text())
def test_nothing_raises(name: str, path: str) -> None:
    SHOP.ask(name)
    SHOP.ask(name + ".acme.com")
    SHOP.route(name + ".acme.com", path)
    SHOP.route("shop.acme.com", "/" + path)


def test_unknown_names_leave_nothing_in_memory() -> None:
    random = Random(7)
    tracemalloc.start()
    try:
        for _ in range(1000):
            SHOP.ask(f"{random.getrandbits(64):x}.acme.com")
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(30_000):
            name = f"{random.getrandbits(64):x}.acme.com"
            SHOP.ask(name)
            SHOP.route(name, f"/{random.getrandbits(64):x}")
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 50_000
