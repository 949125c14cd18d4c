"""A hostile zone cannot make the resolver ask without end."""

from contextlib import ExitStack
from ipaddress import ip_network

import dns.message
import dns.name
import dns.rrset
from tests.servers.scripted_dns import ScriptedDns, replies

from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.core.egress import EgressPolicy

LOOPBACK = EgressPolicy(allow=(ip_network("127.0.0.0/8"),))


def test_the_number_of_queries_is_bounded():
    """Each referral names many servers whose addresses must be looked up: amplification."""
    count = [0]

    def endless(query):
        count[0] += 1
        reply = dns.message.make_response(query)
        name = query.question[0].name
        labels = len(name.labels)
        cut = dns.name.Name(name.labels[max(0, labels - 3 - count[0] % 5) :])
        targets = [f"n{count[0]}x{number}.elsewhere.test." for number in range(30)]
        reply.authority = [dns.rrset.from_text(cut, 60, "IN", "NS", *targets)]
        return reply

    with ExitStack() as stack:
        recursor = stack.enter_context(
            ScriptedDns(
                lambda query: replies(
                    {(query.question[0].name.to_text(omit_final_dot=True), "A"): ["127.0.0.1"]}
                )(query)
            )
        )
        hostile = stack.enter_context(ScriptedDns(endless))
        resolver = AuthoritativeResolver(
            LOOPBACK,
            recursor=("127.0.0.1", recursor.port),
            overrides={"example.test": [("ns1", "127.0.0.1", hostile.port)]},
            port=hostile.port,
        )
        resolver.authoritative("a.b.c.d.e.f.example.test", "TXT")
    assert len(recursor.queries) + len(hostile.queries) <= 50
