"""Domains: their error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Domains",
    "What happens to a domain from claim to removal.",
    {
        "domain_not_found": Entry(
            Turn.YOU,
            "The organization has no such domain.",
            "Check the name or id, and that the token belongs to the right organization.",
            (404,),
        ),
        "domain_exists": Entry(
            Turn.YOU,
            "The organization has added this name already.",
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
            "Leave the type out, and Nameplate finds it by itself.",
            (422,),
        ),
        "domain_not_proved": Entry(
            Turn.YOU,
            "The organization has not proved that it controls the domain.",
            "Publish the record of `nameplate domain instructions` and check the domain again.",
            (409,),
        ),
        "domain_hosted": Entry(
            Turn.YOU,
            "A domain that is hosted here keeps its zone and account.",
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
            "Resume it with `nameplate domain resume` when the reason is gone.",
        ),
        "expired": Entry(
            Turn.YOU,
            "What the message names has passed its end: a certificate, or the time to prove a domain.",
            "Give a certificate that is still valid, or check the domain again to start a new proof.",
            (422,),
        ),
        "error": Entry(
            Turn.YOU,
            "The domain ended in an error.",
            "Read the message, correct what it names, and check the domain again.",
        ),
        "zone_mismatch": Entry(
            Turn.YOU,
            "The name does not lie in the zone that was given.",
            "Give the zone that holds the name, or leave the zone out.",
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
    },
)
