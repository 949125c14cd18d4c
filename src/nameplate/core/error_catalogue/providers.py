"""DNS providers: their error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "DNS providers",
    "What a DNS provider answered, or did not. Background work repeats by itself what can succeed later.",
    {
        "provider_unknown": Entry(
            Turn.OPERATOR,
            "There is no adapter for this provider.",
            "Use one of the providers that the message lists.",
            (422, 502),
        ),
        "provider_unreachable": Entry(
            Turn.PROVIDER,
            "The DNS provider cannot be reached.",
            "Wait: Nameplate tries again. If it lasts, check the provider's status and the account's address.",
            (503,),
        ),
        "provider_failed": Entry(
            Turn.PROVIDER,
            "The DNS provider answered with a failure of its own.",
            "Wait: Nameplate tries again. If it lasts, ask the provider.",
            (503,),
        ),
        "answer_lost": Entry(
            Turn.NAMEPLATE,
            "The answer of the other side was lost, so the change may have been made.",
            "Nothing to do. Nameplate reads the zone before it repeats anything. After a command, look before repeating it.",
            (503,),
        ),
        "answer_malformed": Entry(
            Turn.PROVIDER,
            "The other side answered with something that is not its own format.",
            "Check the address that was configured: a proxy or login page may be in between.",
            (503,),
        ),
        "address_malformed": Entry(
            Turn.OPERATOR,
            "The address of the API cannot be used.",
            "Correct the address in the account's or server's configuration.",
            (502,),
        ),
        "credential_refused": Entry(
            Turn.YOU,
            "The provider does not accept the credential.",
            "Make a new credential at the provider with the needed permissions, store it, and run `nameplate account test`.",
            (502,),
        ),
        "credential_missing": Entry(
            Turn.YOU,
            "The account lacks a credential that its provider needs.",
            "Store the credential that the message names.",
            (422, 502),
        ),
        "credential_malformed": Entry(
            Turn.YOU,
            "The stored credential cannot be sent as it is.",
            "Enter the credential again, without spaces and line breaks.",
            (502,),
        ),
        "setting_missing": Entry(
            Turn.YOU,
            "The configuration lacks an entry that is needed.",
            "Set the entry that the message names.",
            (422,),
        ),
        "extra_missing": Entry(
            Turn.OPERATOR,
            "The provider needs a library that is not installed.",
            "Install Nameplate with the extra that the message names, such as `pip install 'nameplate[aws]'`.",
            (502,),
        ),
        "change_refused": Entry(
            Turn.YOU,
            "The DNS provider refuses the change.",
            "Read what the provider said in the message, and change the record accordingly.",
            (502,),
        ),
        "record_moved": Entry(
            Turn.NAMEPLATE,
            "The record is no longer at the provider as it was seen.",
            "Make another plan. Nameplate does so by itself in background work.",
            (502,),
        ),
        "partly_done": Entry(
            Turn.NAMEPLATE,
            "Only a part of the change was made before the provider failed.",
            "Make another plan. It shows what is left to do.",
            (503,),
        ),
        "creation_unseen": Entry(
            Turn.PROVIDER,
            "A record was created a moment ago and the provider does not list it yet.",
            "Wait a minute: Nameplate does not create it twice.",
            (503,),
        ),
        "write_unseen": Entry(
            Turn.PROVIDER,
            "The provider does not show yet what was written.",
            "Wait: Nameplate reads again before it writes.",
            (503,),
        ),
        "listing_incomplete": Entry(
            Turn.PROVIDER,
            "The provider listed fewer entries than it counts.",
            "Repeat the request. Nothing is changed on an incomplete listing.",
            (503,),
        ),
        "zone_not_found": Entry(
            Turn.YOU,
            "The account reaches no zone that holds the domain, or the domain has no name servers.",
            "Use an account that holds the zone, or create the zone at the provider.",
            (502,),
        ),
        "zone_missing": Entry(
            Turn.YOU,
            "The provider has no such zone for this credential.",
            "Create the zone at the provider, or give the credential access to it.",
            (502,),
        ),
        "zone_refused": Entry(
            Turn.OPERATOR,
            "The name server does not accept updates of the zone.",
            "Allow updates of the zone for this key in the server's configuration.",
            (502,),
        ),
        "transfer_refused": Entry(
            Turn.OPERATOR,
            "The name server does not transfer the zone to this key.",
            "Allow AXFR for the key in the server's configuration.",
            (502,),
        ),
        "credential_unknown": Entry(
            Turn.YOU,
            "The provider has no credential of that name.",
            "Remove it, or use one of the names that `nameplate account providers` lists for the provider.",
            (),
        ),
        "setting_unknown": Entry(
            Turn.YOU,
            "The configuration has a key that the provider does not know.",
            "Remove it, or use one of the keys that `nameplate account providers` lists for the provider.",
            (),
        ),
    },
)
