"""Hosting, delegation and Domain Connect: their error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Hosting, delegation and Domain Connect",
    "Zones on the platform's own name servers, and what registrars and DNS hosts must do.",
    {
        "hosting_unavailable": Entry(
            Turn.OPERATOR,
            "This installation hosts no zones.",
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
            "A hosted domain has no account or zone elsewhere.",
            "Leave `account` and `zone` out, or do not host the domain.",
            (422,),
        ),
        "zone_after_proof": Entry(
            Turn.YOU,
            "The zone is created once the domain is proved.",
            "Publish the proof at the DNS host that answers now. Change the name servers only after that.",
        ),
        "zone_not_there": Entry(
            Turn.NAMEPLATE,
            "The zone is being created on the platform's name servers.",
            "Wait: Nameplate tries again by itself. The message says what went wrong, if anything.",
        ),
        "zone_not_held": Entry(
            Turn.YOU,
            "The organization does not hold the whole zone.",
            "Prove the zone's own name by DNS. Its zone is created then.",
            (502,),
        ),
        "zone_not_ready": Entry(
            Turn.NAMEPLATE,
            "The name server does not answer for the new zone yet.",
            "Wait: Nameplate asks again by itself.",
            (503,),
        ),
        "zone_exists": Entry(
            Turn.OPERATOR,
            "The name server has a zone of this name that Nameplate did not make.",
            "Remove the zone there, or manage it with an ordinary account.",
            (502,),
        ),
        "zone_foreign": Entry(
            Turn.OPERATOR,
            "The zone on the name server does not carry Nameplate's mark, so it is left alone.",
            "Check who made the zone. Remove it by hand if it is not needed.",
            (502,),
        ),
        "not_delegated": Entry(
            Turn.YOU,
            "The Internet is not sent to this zone.",
            "Set the name servers at the registrar, or as NS records in the zone above, as the condition shows.",
        ),
        "delegation_not_found": Entry(
            Turn.YOU,
            "No zone could be found for the name.",
            "Check that the domain is registered and that its name servers work.",
        ),
        "delegated_elsewhere": Entry(
            Turn.YOU,
            "The domain is delegated to other name servers than those of the account's zone.",
            "Set the name servers of the account's zone at the registrar, or use an account at the host that answers.",
        ),
        "delegated_partly": Entry(
            Turn.YOU,
            "The domain is also delegated to name servers that the account does not know.",
            "Keep those servers equal to the account's zone, or take them out of the delegation.",
        ),
        "lame_delegation": Entry(
            Turn.YOU,
            "Name servers in the delegation do not answer for the zone.",
            "Make these servers serve the zone, or take them out at the registrar.",
        ),
        "ns_mismatch": Entry(
            Turn.YOU,
            "The zone names other name servers than its delegation.",
            "Make the NS records of the zone and of its delegation equal.",
        ),
        "zone_cut_below": Entry(
            Turn.YOU,
            "A part of the zone is a zone of its own, where these records are not visible.",
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
            "Nothing of this domain can be set up by Domain Connect.",
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
            "The DNS host's Domain Connect server refuses the question.",
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
            "The DNS host wants more of Domain Connect than Nameplate knows.",
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
            "A Domain Connect id holds characters that DNS hosts do not accept.",
            "Use letters, digits and `.`, `_`, `-`, at most 63.",
            (422,),
        ),
        "domain_connect_key_host_invalid": Entry(
            Turn.OPERATOR,
            "The host of the Domain Connect key is not one label.",
            "Use one label such as `_dcpubkeyv1`.",
            (422,),
        ),
        "domain_connect_key_not_rsa": Entry(
            Turn.OPERATOR,
            "The Domain Connect key is not an RSA key.",
            "Make an RSA key, because Domain Connect signs with RS256.",
            (422,),
        ),
    },
)
