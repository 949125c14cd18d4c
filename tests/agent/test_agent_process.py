"""The agent's own rules: what it believes, what it keeps, and what it tells."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import pytest
from tests.servers.disk import small_disk

from nameplate.adapters.proxy.memory import MemoryProxy
from nameplate.agent.channel import AgentChannel, Revoked, check_url
from nameplate.agent.kept import KeptState
from nameplate.agent.looks import Lookout
from nameplate.agent.process import AgentParts, AgentProcess
from nameplate.agent.serving import ServingProxy
from nameplate.core import agent_protocol as protocol
from nameplate.core import tokens, value_codec
from nameplate.core.errors import Invalid, Refused, Unavailable
from nameplate.core.secret import Secret
from nameplate.ports.agents import AgentCheck, AgentLook, AgentReport, AgentState
from nameplate.ports.prober import Failure, ProbeResult, ProbeTarget
from nameplate.ports.proxy import Config, KeyPair, Route, RouteRefused, Upstream
from nameplate.testing.proxy import self_signed

TOKEN = tokens.api_token("a1", bytes(range(24)))
OTHER = tokens.api_token("b2", bytes(range(1, 25)))
HOST = "shop.acme.com"


@dataclass
class Reply:
    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass
class ScriptedApi:
    """Answers as the API would, or as somebody who is not the API."""

    state: AgentState | None = None
    status: int = 200
    body: bytes | None = None
    key: bytes = field(default_factory=lambda: protocol.answer_key(TOKEN.digest))
    nonce: str | None = None
    spoil: Callable[[bytes], bytes] = bytes
    reports: list[dict[str, Any]] = field(default_factory=list)
    away: bool = False

    def request(self, method: str, path: str, **given: Any) -> Reply:
        if self.away:
            raise Unavailable("provider_unreachable", "away")
        nonce = self.nonce or given["headers"][protocol.NONCE_HEADER]
        status, body = self.status, self.body
        if method == "POST":
            self.reports.append(json.loads(given["content"]))
            status, body = 204, b""
        elif body is None:
            after = int((given["params"] or {}).get("after", 0))
            if self.state is None or self.state.revision == after:
                time.sleep(0.02)
                status, body = 204, b""
            else:
                body = json.dumps(value_codec.encoded(self.state)).encode()
        signed = protocol.signature(self.key, nonce, status, body)
        return Reply(status, self.spoil(body), {protocol.SIGNATURE_HEADER.lower(): signed})


def channel(api: ScriptedApi) -> AgentChannel:
    return AgentChannel(api, TOKEN.secret)


def pair(name: str = "crt_1-1", host: str = HOST) -> KeyPair:
    made, _ = self_signed(host)
    return replace(made, id=name)


def route(number: int = 1, key_pair: KeyPair | None = None, host: str = HOST) -> Route:
    return Route(f"bnd_{number}", host, "/", Upstream("10.0.0.1", 80), key_pair)


def state(revision: int = 1, *routes: Route, **more: Any) -> AgentState:
    proxy = {"type": "memory"}
    return AgentState("srv_1", revision, f"f{revision}", "192.0.2.1", proxy, routes, **more)


def test_what_is_not_signed_for_this_question_is_not_believed() -> None:
    good = ScriptedApi(state())
    assert channel(good).state(0) == state()
    for spoiled in (
        replace(good, key=protocol.answer_key(OTHER.digest)),
        replace(good, nonce="0" * 32),
        replace(good, spoil=lambda body: body.replace(b"192.0.2.1", b"192.0.2.2")),
    ):
        with pytest.raises(Unavailable) as refused:
            channel(spoiled).state(0)
        assert refused.value.code == "answer_unsigned"


def test_revocation_counts_only_when_it_is_signed() -> None:
    """Whoever stands in between cannot end an agent."""
    body = json.dumps({"code": protocol.REVOKED_CODE, "detail": "Revoked."}).encode()
    api = ScriptedApi(status=401, body=body)
    with pytest.raises(Revoked):
        channel(api).state(0)
    with pytest.raises(Unavailable) as refused:
        channel(replace(api, key=b"x" * 32)).state(0)
    assert refused.value.code == "agent_token_unknown"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"{", "not JSON"),
        (b'{"server": "srv_1"}', "revision"),
        (json.dumps(value_codec.encoded(state()) | {"new": 1}).encode(), "unknown field `new`"),
    ],
)
def test_what_it_does_not_understand_is_refused_and_said(document: bytes, said: str) -> None:
    with pytest.raises(Refused) as refused:
        channel(ScriptedApi(body=document)).state(0)
    assert refused.value.code == "state_malformed"
    assert said in refused.value.detail


@pytest.mark.parametrize(
    "url", ["http://api.example.com", "http://127.0.0.1.example.com", "ftp://x"]
)
def test_keys_come_by_tls_only(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_url(url)
    assert refused.value.code == "api_url_insecure"
    assert check_url("https://api.example.com")
    assert check_url("http://127.0.0.1:8080")
    assert check_url("http://[::1]:8080")


def test_the_copy_opens_with_its_token_alone(tmp_path: Path) -> None:
    path = tmp_path / "agent" / "state"
    kept = KeptState(path, TOKEN.secret)
    assert kept.read() is None
    written = state(3, route(key_pair=pair()))
    kept.write(written)
    assert KeptState(path, TOKEN.secret).read() == written
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [one.name for one in path.parent.iterdir()] == ["state"]
    content = path.read_bytes()
    assert b"PRIVATE" not in content
    assert HOST.encode() not in content
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    for token in (TOKEN.secret, OTHER.secret):
        with pytest.raises(Refused) as refused:
            KeptState(path, token).read()
        assert refused.value.code == "copy_unreadable"
    path.write_bytes(content)
    with pytest.raises(Refused):
        KeptState(path, OTHER.secret).read()
    kept.forget()
    kept.forget()
    assert not path.exists()


class Picky(MemoryProxy):
    """Refuses key pairs by id, or everything; closes routes when it is asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses: set[str] = set()
        self.is_down = False
        self.closed: list[str] = []

    def apply(self, config: Config) -> None:
        if self.is_down:
            raise Unavailable("proxy_down", "It does not run.")
        for name, owners in config.owners.items():
            if any(one in name for one in self.refuses):
                raise RouteRefused("proxy_refused", "Not this one.", owners)
        super().apply(config)

    def withdraw(self, places: Any) -> None:
        self.closed += [place.id for place in places]


def test_a_refused_certificate_leaves_the_former_one() -> None:
    proxy = Picky()
    serving = ServingProxy(lambda _state: proxy)
    old, new = pair("crt_1-1"), pair("crt_1-2")
    other = route(2, pair("crt_2-1", "www.acme.com"), "www.acme.com")
    assert serving.apply(state(1, route(key_pair=old), other)).error is None
    before = proxy.visit("https", HOST, "/").serial
    proxy.refuses = {"crt_1-2"}
    done = serving.apply(state(2, route(key_pair=new), other))
    assert (done.error, dict(done.refused)) == (None, {})
    assert list(done.kept_back) == ["bnd_1"]
    assert proxy.visit("https", HOST, "/").serial == before
    done = serving.apply(state(2, route(key_pair=new), other))
    assert list(done.kept_back) == ["bnd_1"], "what is served is the former one still"
    proxy.refuses = {"crt_2-1"}
    done = serving.apply(state(3, route(key_pair=new), other))
    assert list(done.refused) == ["bnd_2"], "there is no former one"
    assert proxy.visit("https", HOST, "/").serial != before


def test_what_must_not_be_served_is_closed_whatever_fails() -> None:
    proxy = Picky()
    serving = ServingProxy(lambda _state: proxy)
    serving.apply(state(1, route(1), route(2, host="www.acme.com")))
    proxy.is_down = True
    done = serving.apply(state(2, route(1)))
    assert done.error is not None
    assert done.error.code == "proxy_down"
    assert proxy.closed == ["bnd_2"]
    assert done.still_served == ()
    broken = ServingProxy(lambda _state: Config({}, {}))  # type: ignore[arg-type,return-value]  # no proxy
    broken.expect(state(1, route(1)))
    done = broken.apply(state(2))
    assert done.error is not None
    assert (done.error.code, done.still_served) == ("proxy_step_failed", ("bnd_1",))


class Prober:
    def __init__(self) -> None:
        self.status: int | None = 200
        self.failure: Failure | None = None
        self.looked: list[str] = []
        self.targets: list[ProbeTarget] = []

    def look_many(self, targets: Any) -> list[ProbeResult]:
        self.targets += targets
        self.looked += [one.hostname for one in targets]
        return [self.look(one) for one in targets]

    def look(self, target: ProbeTarget) -> ProbeResult:
        return ProbeResult(target, self.failure, serial="ab", status=self.status)


def test_only_news_and_trouble_are_told() -> None:
    now = [0.0]
    prober = Prober()
    lookout = Lookout(prober, lambda: now[0])
    lookout.watch([AgentCheck("bnd_1", HOST, "/", interval=30)])
    (first,) = lookout.look("127.0.0.1", 80, 443)
    assert (first.id, first.status, first.serial) == ("bnd_1", 200, "ab")
    assert lookout.look("127.0.0.1", 80, 443) == []
    now[0] = 30.0
    assert lookout.look("127.0.0.1", 80, 443) == [], "as before"
    assert len(prober.looked) == 2
    now[0], prober.status, prober.failure = 60.0, None, Failure.CLOSED
    assert len(lookout.look("127.0.0.1", 80, 443)) == 1
    now[0] = 62.0
    assert len(lookout.look("127.0.0.1", 80, 443)) == 1, "soon again, and told again"
    prober.status, prober.failure = 200, None
    now[0] = 70.0
    assert len(lookout.look("127.0.0.1", 80, 443)) == 1
    lookout.watch([])
    assert lookout.next_at is None


def test_what_is_not_clear_is_looked_at_soon_and_told() -> None:
    """The API counts good looks after bad ones: each is told until there are some in a row."""
    now, prober = [0.0], Prober()
    lookout = Lookout(prober, lambda: now[0])
    lookout.watch([AgentCheck("bnd_1", HOST, "/", interval=600)])
    prober.status, prober.failure = None, Failure.CLOSED
    told = [len(lookout.look("127.0.0.1", 80, 443))]
    prober.status, prober.failure = 200, None
    for _ in range(6):
        now[0] = lookout.next_at or 0.0
        told.append(len(lookout.look("127.0.0.1", 80, 443)))
    assert told == [1, 1, 1, 1, 0, 1, 1], "and how long it takes, every five minutes or so"
    assert now[0] > 1200


def test_an_application_is_looked_at_by_itself_where_that_is_asked_for() -> None:
    now, prober = [0.0], Prober()
    lookout = Lookout(prober, lambda: now[0])
    check = AgentCheck("bnd_1", HOST, "/", upstream="[2001:db8::1]:8080", upstream_path="/up")
    lookout.watch([check, AgentCheck("bnd_2", HOST, "/other")])
    first, second = lookout.look("127.0.0.1", 80, 443)
    assert (first.direct and first.direct.status, second.direct) == (200, None)
    target = prober.targets[2]
    assert (target.address, target.port, target.path) == ("2001:db8::1", 8080, "/up")
    assert (target.hostname, target.scheme, target.is_upstream) == (HOST, "http", True)


@dataclass
class Running:
    """An agent in a thread."""

    api: ScriptedApi
    proxy: Picky
    kept: KeptState
    process: AgentProcess
    ended: list[BaseException | None] = field(default_factory=list)

    def start(self) -> None:
        def run() -> None:
            try:
                self.process.run()
                self.ended.append(None)
            except Revoked as error:
                self.ended.append(error)

        threading.Thread(target=run, daemon=True).start()

    def until(self, look: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 10
        while not (found := look()):
            assert time.monotonic() < deadline, self.api.reports
            time.sleep(0.02)
        return found


@pytest.fixture
def running(tmp_path: Path) -> Any:
    made = _agent(tmp_path, ScriptedApi(state(5, route(1))))
    yield made
    made.process.stop()


def _agent(folder: Path, api: ScriptedApi) -> Running:
    proxy = Picky()
    kept = KeptState(folder / "state", TOKEN.secret)
    serving = ServingProxy(lambda _state: proxy)
    parts = AgentParts(channel(api), kept, serving, Lookout(Prober(), time.monotonic))
    return Running(api, proxy, kept, AgentProcess(parts))


def _said(running: Running, **wanted: Any) -> bool:
    return any(
        all(one.get(key) == value for key, value in wanted.items()) for one in running.api.reports
    )


FIRST_REPORT = {
    "version", "revision", "fingerprint", "code", "message", "refused", "kept_back", "still_served", "looks",
}  # fmt: skip
FIRST_LOOK = {
    "id", "failure", "message", "connected", "serial", "fingerprint", "status", "seconds", "age",
}  # fmt: skip


def test_a_newer_agent_tells_an_older_api_nothing_that_it_cannot_read(tmp_path: Path) -> None:
    """What is newer is told to who has asked for it only; whoever adds a field keeps to that here."""
    assert {one.name for one in fields(AgentReport)} == FIRST_REPORT
    assert {one.name for one in fields(AgentLook)} == FIRST_LOOK | {"direct"}
    check = AgentCheck("bnd_1", HOST, "/", "http")
    running = _agent(tmp_path, ScriptedApi(state(5, route(1), checks=(check,))))
    running.start()
    looks = running.until(
        lambda: [look for one in running.api.reports for look in one.get("looks", ())]
    )
    running.process.stop()
    assert {one.get("fingerprint") for one in running.api.reports} == {"f5"}
    for one in running.api.reports:
        assert one.keys() <= FIRST_REPORT
    for look in looks:
        assert look.keys() <= FIRST_LOOK


def test_an_older_state_is_not_applied_and_that_is_said(running: Running) -> None:
    running.start()
    running.until(lambda: _said(running, revision=5, fingerprint="f5"))
    assert running.proxy.visit("http", HOST, "/").status == 200
    running.api.state = state(4)
    running.until(lambda: _said(running, code="state_older"))
    assert running.proxy.visit("http", HOST, "/").status == 200
    found = running.kept.read()
    assert found is not None
    assert found.revision == 5
    running.api.state = replace(state(9), server="srv_2")
    running.until(lambda: _said(running, code="state_malformed"))
    assert running.kept.read() == found
    running.api.state = state(6)
    running.until(lambda: _said(running, revision=6, fingerprint="f6"))
    assert running.proxy.visit("http", HOST, "/").status is None


def test_without_the_api_the_copy_is_served(running: Running, tmp_path: Path) -> None:
    running.start()
    running.until(lambda: _said(running, revision=5))
    running.process.stop()
    again = _agent(tmp_path, ScriptedApi(away=True))
    again.start()
    again.until(lambda: again.proxy.visit("http", HOST, "/").status == 200)
    again.api.state, again.api.away = state(6), False
    again.until(lambda: _said(again, revision=6))
    again.process.stop()
    again.until(lambda: again.ended == [None])


def test_a_revoked_agent_ends_and_keeps_no_copy(running: Running) -> None:
    running.start()
    running.until(lambda: _said(running, revision=5))
    body = json.dumps({"code": protocol.REVOKED_CODE, "detail": "Revoked."}).encode()
    running.api.status, running.api.body = 401, body
    (ended,) = running.until(lambda: running.ended)
    assert isinstance(ended, Revoked)
    assert running.kept.read() is None
    assert running.proxy.visit("http", HOST, "/").status == 200, "the proxy is left as it is"


def test_a_proxy_that_is_down_is_reported(running: Running) -> None:
    running.proxy.is_down = True
    running.start()
    running.until(lambda: _said(running, revision=5, code="proxy_down"))
    assert not _said(running, fingerprint="f5")


def test_secrets_do_not_print() -> None:
    shown = repr(state(1, route(key_pair=KeyPair("k", "b", Secret("hunter2")))))
    assert "hunter2" not in shown


def test_a_full_disk_keeps_the_last_state_served_and_is_said(tmp_path: Path) -> None:
    """Nothing is served that a restart would forget; with room again it goes on by itself."""
    folder = tmp_path / "disk"
    with small_disk(folder):
        agent = _agent(folder, ScriptedApi(state(5, route(1))))
        agent.start()
        agent.until(lambda: _said(agent, revision=5, code=None))
        ballast = folder / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        agent.api.state = state(6, route(1), route(2, pair(), "www.acme.com"))
        agent.until(lambda: _said(agent, revision=5, code="copy_unwritable"))
        assert agent.proxy.visit("http", HOST, "/").status == 200
        assert agent.proxy.visit("http", "www.acme.com", "/").status is None
        kept = agent.kept.read()
        assert kept is not None
        assert kept.revision == 5
        ballast.unlink()
        agent.until(lambda: _said(agent, revision=6, code=None))
        assert [one.name for one in folder.iterdir()] == ["state"]
        agent.process.stop()
        agent.until(lambda: agent.ended == [None])
