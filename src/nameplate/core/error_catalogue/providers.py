"""DNS providers: their error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "DNS providers",
    "Answers of DNS providers. Background work retries automatically what can succeed later.",
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
            "Wait. Nameplate retries automatically. If it persists, check the provider's "
            "status and the account's API URL.",
            (503,),
        ),
        "provider_failed": Entry(
            Turn.PROVIDER,
            "The DNS provider reported an internal failure.",
            "Wait. Nameplate retries automatically. If it persists, ask the provider.",
            (503,),
        ),
        "answer_lost": Entry(
            Turn.NAMEPLATE,
            "The answer was lost, so the change may have been made.",
            "No action needed for background work. Nameplate reads the zone before it "
            "repeats a change. After a command, check the result before you repeat it.",
            (503,),
        ),
        "answer_awaited": Entry(
            Turn.PROVIDER,
            "The provider, authority or server has not answered for several seconds.",
            "Wait. If it persists, check the provider's status. Nameplate is still waiting and "
            "retries automatically.",
        ),
        "answer_malformed": Entry(
            Turn.PROVIDER,
            "The answer does not have the expected format.",
            "Check the configured URL. A proxy or login page may be in between.",
            (503,),
        ),
        "address_malformed": Entry(
            Turn.OPERATOR,
            "The URL of the API is not valid.",
            "Correct the URL in the account's or server's configuration.",
            (502,),
        ),
        "credential_refused": Entry(
            Turn.YOU,
            "The provider rejected the credential.",
            "Create a credential with the needed permissions at the provider, store it, and "
            "run `nameplate account test`.",
            (502,),
        ),
        "clocks_differ": Entry(
            Turn.OPERATOR,
            "The clocks of Nameplate and of the name server differ by more than a signature may.",
            "Set both clocks by NTP. The key is not the cause.",
            (503,),
        ),
        "tsig_key_unknown": Entry(
            Turn.YOU,
            "The name server does not have the account's TSIG key.",
            "Compare the key's name and algorithm with the name server's configuration, and run "
            "`nameplate account test`.",
            (502,),
        ),
        "tsig_secret_wrong": Entry(
            Turn.YOU,
            "The name server has the account's TSIG key with another secret.",
            "Store the secret of the name server's configuration, and run "
            "`nameplate account test`.",
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
            "The stored credential has characters that cannot be sent.",
            "Enter the credential again, without spaces and line breaks.",
            (502,),
        ),
        "setting_missing": Entry(
            Turn.YOU,
            "The configuration lacks a required entry.",
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
            "The DNS provider rejected the change.",
            "Read the provider's reason in the message, and change the record accordingly.",
            (502,),
        ),
        "record_moved": Entry(
            Turn.NAMEPLATE,
            "The record was changed at the provider after it was read.",
            "Make a new plan. Background work does so automatically.",
            (502,),
        ),
        "partly_done": Entry(
            Turn.NAMEPLATE,
            "Only part of the change was made before the provider failed.",
            "Make a new plan. It shows the remaining changes.",
            (503,),
        ),
        "creation_unseen": Entry(
            Turn.PROVIDER,
            "A record was just created and the provider does not list it yet.",
            "Wait a minute. Nameplate does not create it twice.",
            (503,),
        ),
        "write_unseen": Entry(
            Turn.PROVIDER,
            "The provider does not list the written records yet.",
            "Wait. Nameplate reads the zone again before it writes.",
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
            "The account has no zone that contains the domain, or the domain has no name servers.",
            "Use an account that has the zone, or create the zone at the provider.",
            (502,),
        ),
        "zone_missing": Entry(
            Turn.YOU,
            "The credential has no access to the zone.",
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
