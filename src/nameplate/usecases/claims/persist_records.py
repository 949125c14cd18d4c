"""What an owner publishes for dns-persist-01, once the authority has said what it must be."""

from dataclasses import replace

from nameplate.core import instructions, names
from nameplate.core.dns_hosts.entry import Purpose
from nameplate.usecases.claims.facts import DomainFacts
from nameplate.usecases.claims.to_publish import ToPublish

_PERSIST = "persist_record_"
"""How the codes of records begin that certificates wait for."""


def of(known: DomainFacts) -> list[ToPublish]:
    """Return the TXT records that certificates wait for."""
    bare, found = names.without_wildcard(known.domain.full_domain), dict[str, ToPublish]()
    for row in known.certificates:
        progress = row.acme_challenge_data
        if progress is None or not (row.trouble_code or "").startswith(_PERSIST):
            continue
        for record in progress.records:
            owner, _, text = record.partition(" TXT ")
            if names.is_within(owner, bare):  # not of other domains
                told = instructions.dns_record("TXT", owner, text.strip('"'))
                sentence = f"{told.sentence} It serves all renewals: keep it."
                there = instructions.in_zone(told, known.domain.domain_name)
                found[record] = ToPublish(Purpose.CHALLENGE, replace(there, sentence=sentence))
    return list(found.values())
