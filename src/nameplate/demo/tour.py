"""The way of one domain: claim, prove, point, secure, serve, watch, and a visit at the end."""

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

from nameplate import remote
from nameplate.cli.client import Client
from nameplate.cli.transport import ApiConnection
from nameplate.core import keys
from nameplate.core.errors import Refused, Unavailable
from nameplate.demo.loopback import LOOPBACK
from nameplate.demo.progress import Progress
from nameplate.demo.sandbox import TSIG_NAME, Sandbox

PATIENCE = 30.0
"""Seconds that one wait may take; the whole tour is meant to end within 60."""
_LOOK_EVERY = 0.1
_OK = 200
_TTL = 60

_Json = Mapping[str, Any]


class Tour:
    """Does everything through the API, over HTTP, as a platform or its customer would."""

    def __init__(self, sandbox: Sandbox, progress: Progress) -> None:

        self._sandbox = sandbox
        self._say = progress.say
        self._step = progress.step
        self._api = Client(lambda: ApiConnection(_SandboxApi(sandbox.api_url), sandbox.token))
        self._host = sandbox.way.host
        self._domain = ""
        self.account = ""
        """Id of the organization's DNS account, once there is one."""

    def run(self) -> dict[str, Any]:
        """Go the whole way and return what the visitor saw."""
        self._obtain()
        with self._step("point"):
            self._point()
        with self._step("secure"):
            certificate = self._secure()
        with self._step("serve"):
            binding = self._serve()
        with self._step("watch"):
            self._watch(binding)
        with self._step("visit"):
            return self._visit(certificate)

    def _obtain(self) -> None:
        """Have an organization hold the name: it claims and proves it."""
        with self._step("claim"):
            record = self._claim(self._set_up())
        with self._step("prove"):
            self._prove(record)

    def _set_up(self) -> str:
        """Set up the platform, and return the id of the organization."""
        sandbox = self._sandbox
        organization: str = self._add("organizations", name="Acme")["id"]
        self._application = self._add(
            "applications", name="Shop", organization=organization,
            upstream_host=LOOPBACK, upstream_port=sandbox.application_port,
        )["id"]  # fmt: skip
        self._add("servers", name="edge-1", address=LOOPBACK, proxy=sandbox.proxy)
        self._add(
            "accounts", kind="ca", provider="acme", name="sandbox authority",
            config={"directory_url": sandbox.directory_url, "ca_bundle": str(sandbox.root)},
            credentials={"account_key": keys.new_key().reveal()},
        )  # fmt: skip
        self.account = self._add(
            "accounts", kind="dns", provider="rfc2136", name="sandbox DNS",
            organization=organization,
            config={
                "server": f"{LOOPBACK}:{sandbox.dns.port}",
                "zones": [sandbox.way.zone],
                "tsig_name": TSIG_NAME,
                "tsig_algorithm": "hmac-sha256",
            },
            credentials={"tsig_secret": sandbox.tsig_secret.reveal()},
        )["id"]  # fmt: skip
        return organization

    def _claim(self, organization: str) -> _Json:
        """Claim the name, and return the record to publish."""
        domain = self._add(
            "domains", name=self._host, organization=organization, account=self.account
        )
        self._domain = domain["id"]
        self._say(f"POST /v1/domains: {domain['id']}, {domain['status']}")
        record: _Json = domain["instructions"][0]
        self._say(f"to publish: {record['name']} {record['type']} {record['value']}")
        return record

    def _prove(self, record: _Json) -> None:
        self._answered(record["name"], "TXT")
        self._say("Nameplate publishes it with the organization's account (RFC 2136 update, TSIG)")
        domain = self._until(
            f"/v1/domains/{self._domain}", lambda found: found["status"] == "verified"
        )
        self._say(f"Nameplate asked the same server: {domain['status']} at {domain['verified_at']}")

    def _point(self) -> None:
        record = self._add(
            "records", domain=self._domain, type="A", name="@", value=LOOPBACK, ttl=_TTL
        )
        self._until(
            f"/v1/records/{record['id']}",
            lambda found: found["status"] == "active" and found["propagated"],
        )
        self._say(f"{record['id']}: planned, written by RFC 2136, read back")
        self._answered(self._host, "A")
        plan = self._api.send("POST", f"/v1/domains/{self._domain}/records:plan")
        more = "nothing" if plan["is_empty"] else f"{len(plan['changes'])} changes"
        self._say(
            f"a second plan: {more} to change, {plan['untouched']} other record sets unchanged"
        )

    def _secure(self) -> _Json:
        wanted = self._add("certificates", domain=self._domain, challenge="dns-01")
        self._say(f"{wanted['id']}: ordered at {self._sandbox.directory_url}")
        seen: set[str] = set()

        def done(found: _Json) -> bool:
            self._tell_challenge(seen)
            return bool(found["status"] == "active")

        found = self._until(f"/v1/certificates/{wanted['id']}", done)
        self._say(f"issued by {found['issuer']}, serial {found['serial_number']}")
        self._say(f"valid from {found['issued_at']} until {found['expires_at']}")
        return found

    def _tell_challenge(self, seen: set[str]) -> None:
        for rrset in self._sandbox.dns.records(self._sandbox.way.zone):
            if rrset.name.startswith("_acme-challenge.") and rrset.name not in seen:
                seen.add(rrset.name)
                self._say(f"dns-01 challenge in the zone: {rrset.name} TXT {rrset.values[0]}")

    def _serve(self) -> str:
        binding = self._add(
            "bindings", application=self._application, domain=self._domain,
            health_check_interval=5,
        )  # fmt: skip
        path = f"/v1/bindings/{binding['id']}"
        found = self._until(path, lambda found: found["status"] == "active")
        server = self._api.get("/v1/servers/edge-1")
        self._say(f"proxy configured through its admin API at {server['configured_at']}")
        self._say(
            f"{binding['id']}: {found['status']}, probed by SNI at {LOOPBACK}:"
            f"{self._sandbox.https_port}: right certificate, application answers"
        )
        return path

    def _watch(self, binding: str) -> None:
        before = self._api.get(binding)["last_health_check_at"]
        self._api.send("POST", f"{binding}:check")
        found = self._until(
            binding,
            lambda found: (
                found["last_health_check_at"] != before and found["health_status"] == "healthy"
            ),
        )
        self._say(f"{found['health_status']} at {found['last_health_check_at']}, checked every 5 s")
        (certificate,) = self._api.get("/v1/certificates", domain=self._domain)["data"]
        self._say(f"renewal of the certificate at {certificate['next_renewal_at']}")
        domain = self._until(f"/v1/domains/{self._domain}", lambda found: found["ready"])
        held = ", ".join(one["type"] for one in domain["conditions"])
        self._say(f"domain {domain['status']}, ready; conditions met: {held}")

    def _visit(self, certificate: _Json) -> dict[str, Any]:
        """Send a real request, trusting nothing but the sandbox's root certificate."""
        context = ssl.create_default_context(cafile=str(self._sandbox.root))
        address = (LOOPBACK, self._sandbox.https_port)
        with (
            socket.create_connection(address, timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=self._host) as secured,
        ):
            peer = secured.getpeercert() or {}
            connection = http.client.HTTPConnection(self._host)
            connection.sock = secured
            connection.request("GET", "/")
            answer = connection.getresponse()
            body = answer.read().decode()
            version = secured.version()
        serial = str(peer["serialNumber"]).lower().lstrip("0")
        if answer.status != _OK or serial != certificate["serial_number"].lstrip("0"):
            raise Refused(
                "visit_failed", f"{self._host} answered {answer.status}, serial {serial}."
            )
        self._say(f"{version}, verified against the sandbox root, serial {serial}")
        self._say(f"{answer.status}: {body.strip()}")
        return {
            "url": f"https://{self._host}/",
            "connected_to": f"{LOOPBACK}:{self._sandbox.https_port}",
            "status": answer.status,
            "body": body,
            "tls": version,
            "serial_number": serial,
            "certificate": certificate["id"],
        }

    def _add(self, plural: str, **fields: Any) -> _Json:  # noqa: ANN401 - JSON
        return self._api.send("POST", f"/v1/{plural}", fields)

    def _answered(self, name: str, rdtype: str) -> None:
        """Show what every authoritative server says."""
        for answer in self._sandbox.resolver.authoritative(name, rdtype).answers:
            said = ", ".join(answer.values) or answer.kind.value
            self._say(f"{answer.server} answers {name} {rdtype} {said}")

    def _until(self, path: str, done: Callable[[_Json], bool]) -> _Json:
        """Return the object once it is `done`; say why not when that takes too long."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = self._api.get(path)
            if done(found):
                return found
            self._sandbox.check()
            if time.monotonic() > deadline:
                raise Unavailable("demo_timeout", f"{_why(found)} Not done after {PATIENCE:g} s.")
            time.sleep(_LOOK_EVERY)


def _why(found: _Json) -> str:
    """Return what an object says about its own state."""
    waiting = [one["message"] for one in found.get("conditions") or () if not one["status"]]
    return " ".join([f"Status: {found['status']}.", found.get("error_message") or "", *waiting])


class _SandboxApi:
    """A transport to the API over HTTP."""

    def __init__(self, url: str) -> None:
        self._api = remote.api(url)

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        reply = self._api.request(method, path, content=body, headers=headers)
        return reply.status, reply.headers, reply.body
