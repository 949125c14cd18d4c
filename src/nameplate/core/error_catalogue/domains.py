"""Domains: their error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Domains",
    "Domains, from claim to removal.",
    {
        "domain_not_found": Entry(
            Turn.YOU,
            "The organization has no such domain.",
            "Check the name or id, and that the token belongs to the right organization.",
            (404,),
        ),
        "setup_link_not_found": Entry(
            Turn.YOU,
            "The setup link does not work.",
            "Ask for a new link: it opens once, in one browser, and ends when it is revoked or "
            "expires.",
            (404,),
        ),
        "dangling_record_not_found": Entry(
            Turn.YOU,
            "There is no such dangling record.",
            "Check the id with `nameplate dangling list`.",
            (404,),
        ),
        "grant_not_found": Entry(
            Turn.YOU,
            "There is no such grant, or its code is worth nothing.",
            "Check the id, or ask the lender for a new code.",
            (404,),
        ),
        "not_lendable": Entry(
            Turn.YOU,
            "The organization may not lend this name.",
            "Prove a name above it by DNS, with everything below. What was lent to you can be lent "
            "on only when the grant says so.",
            (409,),
        ),
        "grant_exists": Entry(
            Turn.YOU,
            "The name is lent already, or one above or below it.",
            "Revoke the other grant first.",
            (409,),
        ),
        "name_lent": Entry(
            Turn.YOU,
            "The organization lends this name to another one.",
            "Revoke the grant first.",
            (409,),
        ),
        "lent_name_in_use": Entry(
            Turn.YOU,
            "The lender uses the name itself, or a wildcard that would answer for it.",
            "Remove the bindings, certificates, proofs and wildcard domains in the message first.",
            (409,),
        ),
        "challenge_not_found": Entry(
            Turn.YOU,
            "The organization has opened no such challenge.",
            "Check the id, and that the token belongs to the right organization.",
            (404,),
        ),
        "transfer_not_found": Entry(
            Turn.YOU,
            "There is no such transfer, or it is not the organization's to accept or withdraw.",
            "Check the id, and that the token belongs to the right organization.",
            (404,),
        ),
        "not_transferable": Entry(
            Turn.YOU,
            "The domain cannot be given to another organization.",
            "The message says why. A name below another one of yours can be lent instead.",
            (409,),
        ),
        "transfer_exists": Entry(
            Turn.YOU,
            "The domain is offered already.",
            "Withdraw the other offer first.",
            (409,),
        ),
        "transfer_over": Entry(
            Turn.YOU,
            "The offer was accepted, declined or withdrawn, or has expired.",
            "Ask its holder for a new offer.",
            (409,),
        ),
        "expires_at_invalid": Entry(
            Turn.YOU,
            "The offer would end too early or too late.",
            "Give a time in the future, at most 30 days from now, or leave it out.",
            (422,),
        ),
        "already_held": Entry(
            Turn.YOU,
            "The organization holds the name already.",
            "No action needed.",
            (409,),
        ),
        "held_from_above": Entry(
            Turn.YOU,
            "Another organization holds what is above the name, with everything below.",
            "Add a grant on behalf of that organization, or release the name above first.",
            (409,),
        ),
        "name_not_held": Entry(
            Turn.YOU,
            "No organization holds the name by itself.",
            "Check the name. What rests on a name above ends with that one.",
            (404,),
        ),
        "too_many_unproved": Entry(
            Turn.YOU,
            "Too many domains of the organization are not proved yet.",
            "Prove or remove some of them, or wait until they expire. The operator sets the limit "
            "(`NAMEPLATE_MAX_UNPROVED_CLAIMS`).",
            (409,),
        ),
        "challenged": Entry(
            Turn.YOU,
            "Another organization has proved the name by DNS, so its holder must prove it again.",
            "Publish the proof again before the time in the message, then check the domain.",
            (),
        ),
        "ends_at_past": Entry(
            Turn.YOU,
            "The grant would already have ended.",
            "Give a time in the future, or leave it out.",
            (422,),
        ),
        "too_many_links": Entry(
            Turn.YOU,
            "The domain has as many setup links as it may have.",
            "Revoke one that is not needed with `nameplate setup-link revoke`.",
            (409,),
        ),
        "domain_exists": Entry(
            Turn.YOU,
            "The organization has already added this name.",
            "Use the domain that exists, or remove it first.",
            (409,),
        ),
        "domain_ambiguous": Entry(
            Turn.YOU,
            "Several organizations claim this name.",
            "Use the domain's id, or name the organization.",
            (409,),
        ),
        "domain_type_invalid": Entry(
            Turn.YOU,
            "The name cannot have this domain type.",
            "Leave the type out. Nameplate determines it.",
            (422,),
        ),
        "domain_not_proved": Entry(
            Turn.YOU,
            "The organization has not proved that it controls the domain.",
            "Publish the record that `nameplate domain instructions` shows, and check the "
            "domain again.",
            (409,),
        ),
        "domain_hosted": Entry(
            Turn.YOU,
            "The zone and account of a hosted domain cannot be changed.",
            "Remove the domain and add it again with another account.",
            (409,),
        ),
        "pending_verification": Entry(
            Turn.YOU,
            "The ownership of the domain is not proved yet.",
            "Publish what `nameplate domain instructions` shows, and check again.",
        ),
        "suspended": Entry(
            Turn.YOU,
            "The domain is suspended and not served.",
            "Resume it with `nameplate domain resume` when the reason no longer applies.",
        ),
        "expired": Entry(
            Turn.YOU,
            "A certificate, or the time to prove a domain, has expired.",
            "Use a valid certificate, or check the domain again to start a new proof.",
            (422,),
        ),
        "error": Entry(
            Turn.YOU,
            "The domain is in an error state.",
            "Correct the problem in the message, and check the domain again.",
        ),
        "zone_mismatch": Entry(
            Turn.YOU,
            "The name is not in the given zone.",
            "Give the zone that contains the name, or leave the zone out.",
            (422,),
        ),
        "registration_ends": Entry(
            Turn.YOU,
            "The registration of the domain ends soon.",
            "Renew the registration at the registrar. Without it the name stops working.",
        ),
        "suspended_by_platform": Entry(
            Turn.OPERATOR,
            "The platform suspended the domain, and only its operator can resume it.",
            "Ask the operator of the platform. `nameplate domain show` says why it was suspended.",
            (409,),
        ),
        "approval_waiting": Entry(
            Turn.OPERATOR,
            "The name is a public suffix of the list's private section, which the operator must approve.",
            "Publish the proof, and ask the operator of the platform to approve the domain.",
        ),
        "approval_denied": Entry(
            Turn.OPERATOR,
            "The operator denied the public suffix.",
            "Ask the operator of the platform. `nameplate domain show` says why.",
        ),
        "approval_not_needed": Entry(
            Turn.YOU,
            "Only public suffixes of the list's private section are approved or denied.",
            "Nothing is to do.",
            (409,),
        ),
        "suffix_needs_dns": Entry(
            Turn.YOU,
            "A public suffix can only be proved by DNS.",
            "Use the method `dns_txt`.",
            (422,),
        ),
        "suspended_by_organization": Entry(
            Turn.YOU,
            "The organization suspended the domain itself.",
            "Resume the domain to have it served again.",
        ),
    },
)
