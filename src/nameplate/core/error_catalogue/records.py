"""Records: their error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Records",
    "DNS records of a domain: which ones are allowed together, and the state of each.",
    {
        "record_not_found": Entry(
            Turn.YOU,
            "The domain has no such record.",
            "List the domain's records and use an id from there.",
            (404,),
        ),
        "record_exists": Entry(
            Turn.YOU,
            "The domain already has this record.",
            "Change the record that exists, or leave it.",
            (409,),
        ),
        "record_invalid": Entry(
            Turn.YOU,
            "The record's value or numbers are not valid for its type.",
            "Correct each place that `errors` names.",
            (422,),
        ),
        "record_type_invalid": Entry(
            Turn.YOU,
            "Records of this type cannot be managed.",
            "Use one of the types that the message lists.",
            (422,),
        ),
        "type_unknown": Entry(
            Turn.YOU,
            "Nameplate does not manage this record type.",
            "Use a type that the message lists, or keep the record at the DNS provider. Nameplate does not touch it there.",
        ),
        "record_automatic": Entry(
            Turn.YOU,
            "Nameplate created this record for a binding or a proof and maintains it.",
            "Change the binding, or detach the record first to manage it yourself.",
            (409,),
        ),
        "record_not_published": Entry(
            Turn.NAMEPLATE,
            "The DNS provider does not have this record yet.",
            "Wait until the record is active, or correct its error. Then check the "
            "propagation again.",
            (409,),
        ),
        "record_pending": Entry(
            Turn.NAMEPLATE,
            "The record is waiting to be written to the DNS provider.",
            "No action needed. Nameplate writes it automatically.",
        ),
        "record_syncing": Entry(
            Turn.NAMEPLATE,
            "The record is being written to the DNS provider.",
            "No action needed. Nameplate reads it back automatically.",
        ),
        "record_active": Entry(
            Turn.NAMEPLATE,
            "The DNS provider has the record, but not every name server publishes it yet.",
            "Wait. `nameplate record propagation` shows what each server answers.",
        ),
        "record_error": Entry(
            Turn.YOU,
            "The record could not be written.",
            "Correct the record, or the account's credential, and check the domain again.",
        ),
        "provider_refuses": Entry(
            Turn.YOU,
            "The domain's DNS provider does not support this record.",
            "Change the record as the message says, or use another provider.",
            (422,),
        ),
        "zone_lost": Entry(
            Turn.YOU,
            "The provider lists no records of the zone, which had some. A write there replaces the "
            "whole zone, so nothing is written.",
            "Wait, as readings can fail. If the records were removed on purpose, add any record at the "
            "provider.",
        ),
        "zone_nested": Entry(
            Turn.YOU,
            "Another zone of the same account answers for the name, so the record would not be seen.",
            "Add that zone's name as a domain and put the record there.",
        ),
        "target_twice": Entry(
            Turn.YOU,
            "Two of the changes concern the same record.",
            "Give only one change for each record.",
        ),
        "out_of_zone": Entry(
            Turn.YOU,
            "The name is not in the zone.",
            "Use a name at or below the zone, or the relative name alone.",
        ),
        "doubled_name": Entry(
            Turn.YOU,
            "The name ends in the zone twice.",
            "Write the name as the message shows it.",
        ),
        "wildcard_invalid": Entry(
            Turn.YOU,
            "The `*` is not the whole first label.",
            "Write a wildcard as `*` or `*.sub`.",
        ),
        "zone_file_syntax": Entry(
            Turn.YOU,
            "The text has zone file syntax.",
            "Remove parentheses, `;`, line breaks and directives, or import it as a zone file.",
        ),
        "ttl_invalid": Entry(
            Turn.YOU,
            "The TTL is not valid.",
            "Give a whole number of seconds within the limits in the message.",
        ),
        "ttl_differs": Entry(
            Turn.YOU,
            "Records of one name and type have different TTLs.",
            "Give all of them the same TTL (RFC 2181).",
        ),
        "duplicate_value": Entry(
            Turn.YOU,
            "The same value is given twice.",
            "Remove one of the two.",
        ),
        "cname_at_apex": Entry(
            Turn.YOU,
            "The apex of a zone cannot be a CNAME.",
            "Use ALIAS if the provider supports it, A and AAAA records, or a name below "
            "such as `www`.",
        ),
        "cname_not_alone": Entry(
            Turn.YOU,
            "The name has other records, and a CNAME must be alone (RFC 1034).",
            "Remove the other records of the name, or use A and AAAA records instead.",
        ),
        "cname_several": Entry(
            Turn.YOU,
            "The name has more than one CNAME.",
            "Keep one CNAME.",
        ),
        "cname_foreign": Entry(
            Turn.YOU,
            "The name has another CNAME, which Nameplate does not manage.",
            "Remove it at the DNS provider, or import it first.",
        ),
        "dname_several": Entry(
            Turn.YOU,
            "The name has more than one DNAME.",
            "Keep one DNAME.",
        ),
        "dname_foreign": Entry(
            Turn.YOU,
            "The name has another DNAME, which Nameplate does not manage.",
            "Remove it at the DNS provider, or import it first.",
        ),
        "dname_beside_ns": Entry(
            Turn.YOU,
            "The name has DNAME and NS records, which both lead the names below it elsewhere.",
            "Keep either the DNAME or the NS records.",
        ),
        "below_dname": Entry(
            Turn.YOU,
            "The record is below a name whose DNAME leads all names below it elsewhere (RFC 6672).",
            "Add the record where the DNAME leads to, or remove the DNAME.",
        ),
        "dname_hides": Entry(
            Turn.YOU,
            "The zone has names below the one that is to have a DNAME, which would hide them.",
            "Remove the names below it, or leave the DNAME out.",
        ),
        "null_mx_not_alone": Entry(
            Turn.YOU,
            "The name has a null MX and other MX records.",
            "Remove the null MX, or all others.",
        ),
        "target_is_alias": Entry(
            Turn.YOU,
            "An MX or NS record names a host that is a CNAME (RFC 2181).",
            "Name a host that has A or AAAA records.",
        ),
        "soa_read_only": Entry(
            Turn.PROVIDER,
            "The SOA record is managed by the DNS provider.",
            "Leave the SOA record out.",
        ),
        "apex_ns": Entry(
            Turn.YOU,
            "NS records at the apex decide which servers answer for the whole zone.",
            "Leave them out, or add them with `nameplate record add --force`. They are written when "
            "`nameplate record plan` is applied with `--force`.",
        ),
        "own_record": Entry(
            Turn.YOU,
            "The host points elsewhere by your own record, not to its server.",
            "If this is intended, leave it. Otherwise remove the record, and Nameplate "
            "creates the right one.",
        ),
        "name_has_others": Entry(
            Turn.YOU,
            "The host has other records, so a CNAME is not allowed, and no IP address of "
            "the server is known.",
            "Give the server its IP addresses, bind another name, or publish the record yourself.",
        ),
        "apex_needs_address": Entry(
            Turn.YOU,
            "The host is the apex of its zone, and no IP address of the server is known.",
            "Give the server its IP addresses (`addresses`), or bind a name below the apex.",
        ),
        "changed_at_provider": Entry(
            Turn.YOU,
            "Records that Nameplate manages were changed at the DNS provider.",
            "Apply `nameplate record plan` to restore them, or accept the change with `nameplate record import DOMAIN --from drift`.",
        ),
        "drifted": Entry(
            Turn.YOU,
            "The record set was changed at the DNS provider, so the plan leaves it alone.",
            "Review `nameplate record plan`, then restore the record set or accept the change.",
        ),
        "hides_wildcard": Entry(
            Turn.YOU,
            "The record would hide a wildcard from a host, and the wildcard's records cannot be "
            "copied to it.",
            "Publish the host's own records first, with what the wildcard has.",
        ),
        "unseen": Entry(
            Turn.NAMEPLATE,
            "The provider does not show what it was given only now.",
            "Wait. Nameplate checks again within minutes: the reading lags, or the records were "
            "changed outside Nameplate.",
        ),
        "held": Entry(
            Turn.NAMEPLATE,
            "The record is kept until its replacement is possible.",
            "Resolve the problem with the replacement, which the plan names.",
        ),
        "records_not_covered": Entry(
            Turn.YOU,
            "The proof covers the name alone, and records below it are not written.",
            "Prove the domain by a DNS record.",
        ),
    },
)
