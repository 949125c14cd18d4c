"""The ACME adapter against a real Pebble."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from tests.adapters.ca.conftest import connect
from tests.servers.pebble import ChallTestSrv, Pebble

from nameplate.adapters.ca import accounts
from nameplate.adapters.ca.acme import AcmeAuthority
from nameplate.core import certificates, keys
from nameplate.core.errors import Refused, Unavailable
from nameplate.core.issuance import (
    Download,
    Fail,
    Finalize,
    Present,
    Respond,
    Step,
    Wait,
    choose_challenges,
    next_step,
)
from nameplate.core.orders import Challenge, OrderStatus
from nameplate.core.secret import Secret
from nameplate.testing.ca import CertificateAuthorityConformance


def publish(dns: ChallTestSrv, challenges: Sequence[Challenge]) -> None:
    for challenge in challenges:
        if challenge.type == "http-01":
            dns.add_http01(challenge.token, challenge.key_authorization)
        else:
            dns.set_txt(challenge.record_name, challenge.record_value)


class TestAcme(CertificateAuthorityConformance):
    @pytest.fixture(autouse=True)
    def servers(self, authority: AcmeAuthority, challtestsrv: ChallTestSrv) -> None:
        self.authority, self.dns = authority, challtestsrv

    def make_authority(self) -> AcmeAuthority:
        return self.authority

    def publish(self, challenges: Sequence[Challenge]) -> None:
        publish(self.dns, challenges)


@dataclass
class Stored:
    """What a database would hold of one issuance."""

    key: Secret | None = None
    url: str = ""
    presented: frozenset[str] = frozenset()
    responded: frozenset[str] = frozenset()
    bundle: bytes = b""


@dataclass
class Worker:
    """Issues as a worker does: one step at a time, and only what is stored survives a step."""

    authority: AcmeAuthority
    dns: ChallTestSrv
    names: Sequence[str]
    kind: str = "http-01"
    stored: Stored = field(default_factory=Stored)
    steps: list[Step] = field(default_factory=list)

    def run(self, crash_after: type[Step] | None = None) -> bytes | Fail:
        """Return the certificate. `crash_after`: the result of the first such step is lost."""
        while not self.stored.bundle:
            before = replace(self.stored)
            try:
                if not self.stored.url:
                    self.begin()
                    continue
                step = self.step()
            except Unavailable as error:
                # At half of all nonces one request in 1,024 fails ten times.
                if error.code != "acme_bad_nonce":
                    raise
                continue
            if isinstance(step, Fail):
                return step
            if type(step) is crash_after:
                self.stored, crash_after = before, None
        return self.stored.bundle

    def begin(self) -> None:
        """Make an order and its key; both are stored together."""
        order = self.authority.order(self.names)
        self.stored = Stored(keys.new_key(), order.url)

    def step(self) -> Step:
        stored, authority = self.stored, self.authority
        order = authority.refresh(stored.url)
        step = next_step(
            order,
            kind=self.kind,
            presented=stored.presented,
            responded=stored.responded,
            now=datetime.now(UTC),
        )
        self.steps.append(step)
        match step:
            case Present(challenges):
                publish(self.dns, challenges)
                stored.presented |= {challenge.url for challenge in challenges}
            case Respond(challenges):
                for challenge in challenges:
                    authority.respond(challenge)
                stored.responded |= {challenge.url for challenge in challenges}
            case Wait():
                time.sleep(0.05)
            case Finalize():
                assert stored.key is not None
                authority.finalize(order, certificates.csr(stored.key, self.names))
            case Download():
                assert stored.key is not None
                bundle = authority.download(order)
                certificates.check(bundle, stored.key, self.names, datetime.now(UTC))
                stored.bundle = bundle
            case Fail():
                pass
        return step


def issue(authority: AcmeAuthority, dns: ChallTestSrv, *names: str) -> bytes:
    bundle = Worker(authority, dns, names).run()
    assert isinstance(bundle, bytes), bundle
    return bundle


@pytest.mark.parametrize("kind", ["http-01", "dns-01"])
def test_step_by_step(authority: AcmeAuthority, challtestsrv: ChallTestSrv, kind: str) -> None:
    names = [f"a.{kind}.example", f"b.{kind}.example"]
    worker = Worker(authority, challtestsrv, names, kind)
    assert isinstance(worker.run(), bytes)
    taken = [type(step) for step in worker.steps if not isinstance(step, Wait)]
    assert taken == [Present, Respond, Finalize, Download]


@pytest.mark.parametrize("lost", [Present, Respond, Finalize, Download])
def test_crash_between_act_and_record(
    authority: AcmeAuthority, challtestsrv: ChallTestSrv, lost: type[Step]
) -> None:
    worker = Worker(authority, challtestsrv, [f"{lost.__name__.lower()}.crash.example"])
    assert isinstance(worker.run(crash_after=lost), bytes)
    assert [type(step) for step in worker.steps].count(Finalize) == 1


def test_chain_ends_below_the_published_root(
    authority: AcmeAuthority, challtestsrv: ChallTestSrv, pebble: Pebble
) -> None:
    bundle = issue(authority, challtestsrv, "root.example")
    root = x509.load_pem_x509_certificate(pebble.root_pem())
    certificates.load_chain(bundle)[-1].verify_directly_issued_by(root)


def test_failed_validation_says_why(authority: AcmeAuthority, challtestsrv: ChallTestSrv) -> None:
    order = authority.order(["wrong.example"])
    chosen = choose_challenges(order, "dns-01")
    challtestsrv.set_txt("_acme-challenge.wrong.example", "something else")
    authority.respond(chosen[0])
    while order.status is OrderStatus.PENDING:
        time.sleep(0.05)
        order = authority.refresh(order.url)
    assert order.status is OrderStatus.INVALID
    assert "wrong.example" in order.error
    assert "unauthorized" in order.error
    assert order.error.count("Correct value not found") == 1
    step = next_step(order, kind="dns-01", now=datetime.now(UTC))
    assert step == Fail("order_invalid", order.error, retry=True, names=("wrong.example",))


def test_account_is_found_again_by_its_key(pebble: Pebble) -> None:
    key, verify = keys.new_key("rsa2048"), str(pebble.ca_bundle)
    first = accounts.register(pebble.directory_url, key, ["admin@example.com"], verify=verify)
    assert accounts.register(pebble.directory_url, key, verify=verify) == first
    again = AcmeAuthority(pebble.directory_url, key, first, verify=verify)
    assert again.order(["rsa.example"]).status is OrderStatus.PENDING


def test_unknown_account_is_refused(pebble: Pebble) -> None:
    ours = f"{pebble.directory_url.removesuffix('/dir')}/my-account/0123456789"
    stranger = AcmeAuthority(
        pebble.directory_url, keys.new_key(), ours, verify=str(pebble.ca_bundle)
    )
    with pytest.raises(Refused) as caught:
        stranger.order(["a.example"])
    assert caught.value.code == "acme_account_does_not_exist"


def test_malformed_contact_is_refused(pebble: Pebble) -> None:
    with pytest.raises(Refused) as caught:
        accounts.register(
            pebble.directory_url, keys.new_key(), ["a b\n"], verify=str(pebble.ca_bundle)
        )
    assert caught.value.code.startswith("acme_")


def test_external_account_binding(tmp_path: Path, challtestsrv: ChallTestSrv) -> None:
    secret = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
    with Pebble(tmp_path, dns_server=challtestsrv.dns_server, eab={"kid-1": secret}) as server:
        verify, key = str(server.ca_bundle), keys.new_key()
        with pytest.raises(Refused) as caught:
            accounts.register(server.directory_url, key, verify=verify)
        assert caught.value.code == "acme_external_account_required"
        binding = accounts.ExternalAccount("kid-1", Secret(secret))
        assert accounts.register(server.directory_url, key, eab=binding, verify=verify)
        assert secret not in repr(binding)


def test_revoking_twice_is_success(authority: AcmeAuthority, challtestsrv: ChallTestSrv) -> None:
    bundle = issue(authority, challtestsrv, "revoked.example")
    authority.revoke(bundle)
    authority.revoke(bundle, 4)


def test_revoking_a_stranger_is_refused(
    pebble: Pebble, authority: AcmeAuthority, challtestsrv: ChallTestSrv
) -> None:
    bundle = issue(authority, challtestsrv, "foreign.example")
    with pytest.raises(Refused) as caught:
        connect(pebble).revoke(bundle)
    assert caught.value.code == "acme_unauthorized"


def test_too_early(authority: AcmeAuthority) -> None:
    order = authority.order(["early.example"])
    with pytest.raises(Unavailable) as caught:
        authority.download(order)
    assert caught.value.code == "certificate_not_ready"
    with pytest.raises(Refused) as refused:
        authority.finalize(order, certificates.csr(keys.new_key(), ["early.example"]))
    assert refused.value.code == "acme_order_not_ready"


def test_what_this_server_lacks(authority: AcmeAuthority, challtestsrv: ChallTestSrv) -> None:
    bundle = issue(authority, challtestsrv, "ari.example")
    with pytest.raises(Refused) as caught:
        authority.order(["profile.example"], profile="shortlived")
    assert caught.value.code == "acme_profile_unknown"
    assert authority.renewal_info(bundle) is None
    order = authority.order(["ari.example"], replaces=certificates.renewal_id(bundle))
    assert order.status is OrderStatus.PENDING


def test_untrusted_server_is_told_apart(pebble: Pebble) -> None:
    with pytest.raises(Unavailable) as caught:
        accounts.register(pebble.directory_url, keys.new_key())
    assert caught.value.code == "ca_untrusted"


def test_proofs_are_reused(tmp_path: Path, challtestsrv: ChallTestSrv) -> None:
    dns, port = challtestsrv.dns_server, challtestsrv.http_port
    with Pebble(tmp_path, dns_server=dns, http_port=port, authz_reuse=100) as server:
        authority = connect(server)
        issue(authority, challtestsrv, "reuse.example")
        worker = Worker(authority, challtestsrv, ["reuse.example"])
        assert isinstance(worker.run(), bytes)
        assert not any(isinstance(step, Present | Respond) for step in worker.steps)


def test_hostile_profile_in_parallel(tmp_path: Path, challtestsrv: ChallTestSrv) -> None:
    """Half of the nonces refused, slow validation, eight threads on one authority."""
    dns, port = challtestsrv.dns_server, challtestsrv.http_port
    with Pebble(
        tmp_path, dns_server=dns, http_port=port, nonce_reject=50, sleep=2, authz_reuse=50
    ) as server:
        authority = connect(server)
        before = threading.active_count()
        with ThreadPoolExecutor(8) as pool:
            names = [f"h{number}.example" for number in range(16)]
            done = list(pool.map(lambda name: issue(authority, challtestsrv, name), names))
        assert threading.active_count() == before
    assert len({certificates.facts(bundle).serial for bundle in done}) == 16
