"""Diagnosis: the codes of findings."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Diagnosis",
    "Findings of `nameplate domain doctor`. Each comes with the servers' answers and the record that "
    "fixes it.",
    {
        "name_not_registered": Entry(
            Turn.YOU,
            "There is no zone for the name.",
            "Check at the registrar that the domain is registered and has name servers.",
        ),
        "zone_not_served": Entry(
            Turn.YOU,
            "No name server of the zone answers for it.",
            "Create the zone at the DNS host, or set the host's name servers at the registrar.",
        ),
        "name_server_private": Entry(
            Turn.YOU,
            "The name servers of the zone have addresses that are not on the public Internet.",
            "Set name servers with public addresses at the registrar.",
        ),
        "registrar_hold": Entry(
            Turn.YOU,
            "The registrar has taken the name out of the DNS.",
            "Sign in at the registrar. Unconfirmed contact data and unpaid renewals are the usual reasons.",
        ),
        "registry_hold": Entry(
            Turn.YOU,
            "The registry has taken the name out of the DNS.",
            "Ask the registrar what the registry needs to release it.",
        ),
        "registration_redemption": Entry(
            Turn.YOU,
            "The registration was deleted, and its former owner can still have it restored.",
            "Have the registrar restore it before the redemption period ends.",
        ),
        "registration_pending_delete": Entry(
            Turn.YOU,
            "The registry is about to delete the name.",
            "Ask the registrar whether it can still be restored, or register it as soon as it is free.",
        ),
        "registration_gone": Entry(
            Turn.YOU,
            "The registry does not know the name any more.",
            "Register the name again, then prove it with the new record.",
        ),
        "delegation_lame": Entry(
            Turn.YOU,
            "A listed name server does not serve the zone.",
            "Remove it at the registrar, or have the zone served there.",
        ),
        "server_silent": Entry(
            Turn.PROVIDER,
            "A name server of the zone did not answer.",
            "Wait, or ask the DNS host whether the server works.",
        ),
        "delegation_differs": Entry(
            Turn.YOU,
            "The registrar and the zone name different name servers.",
            "Make both lists identical. Until then, enter records at both DNS hosts.",
        ),
        "delegation_changed": Entry(
            Turn.YOU,
            "Only one of two sets of name servers has the record: the domain is moving.",
            "Enter the record at both DNS hosts, or finish the move.",
        ),
        "dnssec_without_keys": Entry(
            Turn.YOU,
            "The registrar publishes a DS record, but the zone is not signed.",
            "Remove the DS record at the registrar, or turn DNSSEC on at the DNS host.",
        ),
        "dnssec_bogus": Entry(
            Turn.YOU,
            "The signatures of the zone do not hold.",
            "Have the zone signed again and enter its DS record at the registrar.",
        ),
        "dnssec_unused": Entry(
            Turn.NAMEPLATE,
            "The zone is signed, but the registrar has no DS record for it.",
            "Nothing must be done. Enter the DS record at the registrar to make use of DNSSEC.",
        ),
        "dangling_cname": Entry(
            Turn.YOU,
            "A name leads to a service where it is not set up: a stranger can do that.",
            "Remove the record, or set the name up again at the service.",
        ),
        "cname_target_missing": Entry(
            Turn.YOU,
            "A name is an alias of one that does not exist.",
            "Remove the record, or let it lead to a name that exists.",
        ),
        "address_left": Entry(
            Turn.YOU,
            "A name has an address that was a server's once and is not any more.",
            "Remove the record, or replace it by the address of a server that is in use.",
        ),
        "name_server_unregistered": Entry(
            Turn.YOU,
            "The zone is delegated to a name server below a domain that is not registered.",
            "Remove the name server at the registrar or in the zone above.",
        ),
        "wildcard_open": Entry(
            Turn.YOU,
            "Any label below the name is answered, and no record at Nameplate says so.",
            "Remove the wildcard record, or add the wildcard domain to Nameplate.",
        ),
        "wildcard_dns": Entry(
            Turn.NAMEPLATE,
            "A wildcard record answers for names without a record of their own.",
            "Nothing must be done. Remove the wildcard if it is not intended.",
        ),
        "proof_absent": Entry(
            Turn.YOU,
            "The record that proves the name is not there.",
            "Publish the record that `nameplate domain instructions` shows.",
        ),
        "proof_not_answered": Entry(
            Turn.PROVIDER,
            "No name server answers the question for the proof.",
            "Ask the DNS host why its servers fail for this name.",
        ),
        "proof_is_alias": Entry(
            Turn.YOU,
            "A CNAME stands where the proof should be.",
            "Remove the CNAME at that name, then add the record.",
        ),
        "proof_several_values": Entry(
            Turn.YOU,
            "The name of the proof has several CNAME values.",
            "Keep the expected value and remove the others.",
        ),
        "zone_cut": Entry(
            Turn.YOU,
            "The name is in a zone of its own, in which the proof is missing.",
            "Add the record in that zone, not in the zone above it.",
        ),
        "wildcard_answers": Entry(
            Turn.YOU,
            "The proof is missing, and a wildcard record answers in its place.",
            "Add the record. The wildcard can stay.",
        ),
        "name_doubled": Entry(
            Turn.YOU,
            "The DNS host appended the zone to a name that was complete.",
            "Enter the short name that the finding shows.",
        ),
        "name_wrong": Entry(
            Turn.YOU,
            "The right value is at a wrong name.",
            "Move the record to the name that the finding shows.",
        ),
        "value_old": Entry(
            Turn.YOU,
            "The record has the value of an earlier claim.",
            "Change it to the value that `nameplate domain instructions` shows.",
        ),
        "value_quoted": Entry(
            Turn.YOU,
            "The value has quotes, spaces or other characters around it.",
            "Enter the value without anything around it.",
        ),
        "value_case": Entry(
            Turn.YOU,
            "The value differs in upper and lower case.",
            "Copy the value exactly.",
        ),
        "value_incomplete": Entry(
            Turn.YOU, "The record has only a part of the value.", "Copy the whole value."
        ),
        "value_longer": Entry(
            Turn.YOU, "The record has more text than the value.", "Enter only the value."
        ),
        "value_wrong": Entry(
            Turn.YOU,
            "The record has the value of another claim.",
            "Change it to the value that `nameplate domain instructions` shows.",
        ),
        "alias_wrong": Entry(
            Turn.YOU,
            "The CNAME record of the proof leads to another target.",
            "Change its target to the one that `nameplate domain instructions` shows.",
        ),
        "value_of_another": Entry(
            Turn.YOU,
            "The name has a record of another kind of use, but not the proof.",
            "Add the record. Others can stay beside it.",
        ),
        "answers_split": Entry(
            Turn.YOU,
            "Public resolvers see the record, the zone's own name servers do not.",
            "Enter the record at the DNS host that the registrar lists.",
        ),
        "resolvers_fail": Entry(
            Turn.YOU,
            "Public resolvers cannot look the record up.",
            "Check that all name servers can be reached from everywhere, and check DNSSEC.",
        ),
        "answer_cached": Entry(
            Turn.NAMEPLATE,
            "Public resolvers have an older answer for a while.",
            "Wait. Nameplate asks the zone's own name servers and does not depend on them.",
        ),
        "page_catches_all": Entry(
            Turn.YOU,
            "The web server answers every path with a page.",
            "Serve the file at its path, before the rule that answers everything.",
        ),
        "page_without_proof": Entry(
            Turn.YOU,
            "The web server does not answer with the proof.",
            "Publish it as `nameplate domain instructions` says, or use the method `dns_txt`.",
        ),
        "zone_private": Entry(
            Turn.YOU,
            "The name is in a private zone of the platform, whose records are shown to its holders only.",
            "Claim the name and prove it, or ask the operator of the platform.",
        ),
        "address_private": Entry(
            Turn.YOU,
            "The name has an address that is not on the public Internet.",
            "Replace it with the public address of the server.",
        ),
        "address_elsewhere": Entry(
            Turn.YOU,
            "The name leads to another server.",
            "Replace its records with the one that leads to the server.",
        ),
        "address_ipv6_stray": Entry(
            Turn.YOU,
            "The AAAA record leads elsewhere than the A record.",
            "Remove the AAAA record.",
        ),
        "address_mixed": Entry(
            Turn.YOU,
            "The name leads to its server and elsewhere too.",
            "Remove the addresses that are not those of the server.",
        ),
        "host_several_aliases": Entry(
            Turn.YOU,
            "The name has several CNAME values.",
            "Keep one and remove the others.",
        ),
        "proxied": Entry(
            Turn.YOU,
            "The name leads to a content delivery network.",
            "Turn the proxy off for this name, or use DNS for the proof and the certificate.",
        ),
        "proxied_as_wanted": Entry(
            Turn.NAMEPLATE,
            "The name leads to a content delivery network, as its record at Nameplate says.",
            "Nothing must be done.",
        ),
        "caa_excludes": Entry(
            Turn.YOU,
            "CAA records do not let the certificate authority issue.",
            "Add the CAA record that the message shows, or remove those that exclude the authority.",
        ),
        "caa_critical": Entry(
            Turn.YOU,
            "A CAA record has an unknown tag that is marked critical, so no authority may issue.",
            "Remove the record that the message names, or its flag 128. Nameplate checks again.",
        ),
        "caa_bogus": Entry(
            Turn.YOU,
            "The answer for CAA records fails DNSSEC validation, so no authority may issue.",
            "Repair the signatures of the zone, or remove its DS record. Nameplate checks again.",
        ),
        "caa_not_answered": Entry(
            Turn.PROVIDER,
            "The name servers fail when they are asked for CAA records.",
            "Ask the DNS host to answer them.",
        ),
    },
)
