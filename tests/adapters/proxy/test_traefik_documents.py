"""Whatever a route says, Traefik reads what was meant, or the route is refused."""

import json
import re

import yaml
from hypothesis import given
from hypothesis import strategies as st

from nameplate.adapters.proxy import traefik_documents as documents
from nameplate.adapters.proxy import traefik_rules as rules
from nameplate.ports.proxy import Route, RouteRefused, Upstream

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?", fullmatch=True)
ROUTES = st.builds(
    Route,
    id=st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True),
    hostname=st.one_of(
        st.builds("{}{}.{}.test".format, st.sampled_from(["", "*."]), LABELS, LABELS), st.text()
    ),
    path=st.one_of(st.from_regex(r"(/[A-Za-z0-9._~-]{1,6}){0,3}", fullmatch=True), st.text()),
    upstream=st.builds(Upstream, st.one_of(LABELS, st.text()), st.integers(-1, 70000)),
)
_HOST = r"(?:[a-z0-9-]+\.)+[a-z0-9-]+"
_ONE = r"HostRegexp\(`\^\[\^\.\]\+\\\.(?:[a-z0-9-]|\\[.-])+\$`\)"
_SHAPE = re.compile(
    rf"(?:Host\(`{_HOST}`\) && !HostRegexp\(`\\\.\$`\)|{_ONE} && \(Host\(`\*\.{_HOST}`\) \|\| {_ONE}\))"
    r"(?: && \(Path\(`(/[A-Za-z0-9/._~-]+)`\) \|\| PathPrefix\(`\1/`\)\))?"
)


@given(ROUTES)
def test_whatever_a_route_says_traefik_reads_what_was_meant_or_it_is_refused(one):
    layout = rules.TraefikLayout("web", "websecure", Upstream("127.0.0.1", 80), 443, shared=False)
    try:
        config = documents.render(layout, "/keys", [one], "any")
    except RouteRefused:
        return
    text = config.files[f"{documents.HOSTS}/{one.id}.yaml"].decode()
    assert yaml.safe_load(text) == json.loads(text)
    assert "{{" not in text
    routers = json.loads(text)["http"]["routers"]
    assert all(_SHAPE.fullmatch(router["rule"]) for router in routers.values()), routers
    served = {rules.route_of(name) for name in routers} - {None}
    assert served == {one.id}
    named = rules.hosts_of([router["rule"] for router in routers.values()])
    assert named == {one.hostname}
