"""Hosting, delegation and Domain Connect: their error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Hosting, delegation and Domain Connect",
    "Zones on the platform's name servers, delegation at registrars, and Domain Connect at "
    "DNS hosts.",
    {
        "hosting_unavailable": Entry(
            Turn.OPERATOR,
            "This installation does not host zones.",
            "Keep the zone at a DNS host of your own, or ask the operator to set up hosting.",
            (409,),
        ),
        "hosting_misconfigured": Entry(
            Turn.OPERATOR,
            "The platform's DNS account is not set up for hosting.",
            "Correct `config.hosted` of the account, and use a provider that can create zones.",
            (422, 502),
        ),
        "hosted_needs_dns": Entry(
            Turn.YOU,
            "A hosted domain can only be proved by DNS.",
            "Use the method `dns_txt`.",
            (422,),
        ),
        "hosted_with_account": Entry(
            Turn.YOU,
            "A hosted domain cannot have an account or zone elsewhere.",
            "Leave `account` and `zone` out, or do not host the domain.",
            (422,),
        ),
        "zone_after_proof": Entry(
            Turn.YOU,
            "The zone is created once the domain is proved.",
            "Publish the proof at the current DNS host. Change the name servers only after that.",
        ),
        "zone_not_there": Entry(
            Turn.NAMEPLATE,
            "The zone is being created on the platform's name servers.",
            "Wait. Nameplate retries automatically. The message names the problem, if there "
            "is one.",
        ),
        "zone_not_held": Entry(
            Turn.YOU,
            "The organization does not hold the whole zone.",
            "Prove the zone's own name by DNS. The zone is created after that.",
            (502,),
        ),
        "zone_not_ready": Entry(
            Turn.NAMEPLATE,
            "The name server does not answer for the new zone yet.",
            "Wait. Nameplate checks again automatically.",
            (503,),
        ),
        "zone_exists": Entry(
            Turn.OPERATOR,
            "The name server has a zone of this name that Nameplate did not create.",
            "Remove the zone there, or manage it with an ordinary account.",
            (502,),
        ),
        "zone_foreign": Entry(
            Turn.OPERATOR,
            "The zone on the name server was not created by Nameplate, so it is left unchanged.",
            "Check who created the zone. Remove it by hand if it is not needed.",
            (502,),
        ),
        "not_delegated": Entry(
            Turn.YOU,
            "The zone is not delegated to its name servers.",
            "Set the name servers at the registrar, or as NS records in the zone above, as the condition shows.",
        ),
        "delegation_not_found": Entry(
            Turn.YOU,
            "No zone was found for the name.",
            "Check that the domain is registered and that its name servers work.",
        ),
        "delegated_elsewhere": Entry(
            Turn.YOU,
            "The domain is not delegated to the name servers of the account's zone.",
            "Set the name servers of the account's zone at the registrar, or use an account "
            "at the current DNS host.",
        ),
        "delegated_partly": Entry(
            Turn.YOU,
            "The domain is also delegated to name servers that do not belong to the "
            "account's zone.",
            "Keep the zone on those servers identical to the account's zone, or remove them "
            "from the delegation.",
        ),
        "lame_delegation": Entry(
            Turn.YOU,
            "Name servers in the delegation do not answer for the zone.",
            "Configure these servers to serve the zone, or remove them at the registrar.",
        ),
        "ns_mismatch": Entry(
            Turn.YOU,
            "The NS records of the zone differ from its delegation.",
            "Make the NS records of the zone and of its delegation identical.",
        ),
        "zone_cut_below": Entry(
            Turn.YOU,
            "Part of the zone is a separate zone, so these records are not visible.",
            "Manage the records in that zone, or remove its NS records.",
        ),
        "domain_connect_not_configured": Entry(
            Turn.OPERATOR,
            "Domain Connect is not set up on this platform.",
            "Set NAMEPLATE_DOMAIN_CONNECT_PROVIDER_ID and NAMEPLATE_DOMAIN_CONNECT_KEY_FILE.",
        ),
        "not_configured": Entry(
            Turn.OPERATOR,
            "Domain Connect is not set up on this platform.",
            "Enter the records by hand, or ask the operator to set it up.",
        ),
        "not_offered": Entry(
            Turn.YOU,
            "The domain's DNS host does not offer Domain Connect for it.",
            "Enter the records by hand.",
        ),
        "flow_not_offered": Entry(
            Turn.YOU,
            "The DNS host does not offer the synchronous flow of Domain Connect.",
            "Enter the records by hand.",
        ),
        "template_unknown": Entry(
            Turn.PROVIDER,
            "The DNS host does not have this platform's template yet.",
            "Enter the records by hand. The operator can ask the DNS host to add the template.",
        ),
        "nothing_to_publish": Entry(
            Turn.YOU,
            "This domain has no records that Domain Connect can set up.",
            "Enter the records by hand, if any are left.",
        ),
        "domain_connect_dns": Entry(
            Turn.PROVIDER,
            "No name server of the zone answered.",
            "Try again later, or enter the records by hand.",
            (503,),
        ),
        "domain_connect_unreachable": Entry(
            Turn.PROVIDER,
            "The DNS host's Domain Connect server cannot be reached.",
            "Try again later, or enter the records by hand.",
            (503,),
        ),
        "domain_connect_unavailable": Entry(
            Turn.PROVIDER,
            "The DNS host's Domain Connect server cannot answer now.",
            "Try again later, or enter the records by hand.",
            (503,),
        ),
        "domain_connect_refused": Entry(
            Turn.PROVIDER,
            "The DNS host's Domain Connect server rejected the request.",
            "Enter the records by hand.",
            (502,),
        ),
        "domain_connect_malformed": Entry(
            Turn.PROVIDER,
            "The DNS host's Domain Connect answer cannot be used.",
            "Enter the records by hand.",
            (502,),
        ),
        "domain_connect_unsupported": Entry(
            Turn.PROVIDER,
            "The DNS host requires a Domain Connect feature that Nameplate does not support.",
            "Enter the records by hand.",
            (502,),
        ),
        "domain_connect_address": Entry(
            Turn.PROVIDER,
            "The DNS host's Domain Connect server has an address that is not on the public Internet.",
            "Enter the records by hand.",
            (502,),
        ),
        "domain_connect_tls": Entry(
            Turn.PROVIDER,
            "The DNS host's Domain Connect server has no valid certificate.",
            "Enter the records by hand.",
            (502,),
        ),
        "domain_connect_redirect": Entry(
            Turn.PROVIDER,
            "The DNS host's Domain Connect server redirects instead of answering.",
            "Enter the records by hand.",
            (502,),
        ),
        "domain_connect_id_invalid": Entry(
            Turn.OPERATOR,
            "A Domain Connect id has characters that DNS hosts do not accept.",
            "Use at most 63 letters, digits, `.`, `_` and `-`.",
            (422,),
        ),
        "domain_connect_key_host_invalid": Entry(
            Turn.OPERATOR,
            "The host of the Domain Connect key is not a single label.",
            "Use one label such as `_dcpubkeyv1`.",
            (422,),
        ),
        "domain_connect_key_not_rsa": Entry(
            Turn.OPERATOR,
            "The Domain Connect key is not an RSA key.",
            "Generate an RSA key, because Domain Connect signs with RS256.",
            (422,),
        ),
    },
)
