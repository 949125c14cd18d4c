"""Custom hostnames at Cloudflare: what their states mean, whose turn it is and what to do."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Custom hostnames at Cloudflare",
    "Hosts that Cloudflare serves for a zone of the platform (Cloudflare for SaaS).",
    {
        "custom_hostname_pending": Entry(
            Turn.YOU,
            "Cloudflare has not seen yet that the host leads to it.",
            "Publish the records of the routing instructions. Cloudflare checks again by itself.",
        ),
        "custom_hostname_validating": Entry(
            Turn.YOU,
            "Cloudflare is validating the host for its certificate.",
            "Publish the records of the routing instructions, and leave the CAA records open for "
            "Cloudflare's certificate authorities.",
        ),
        "custom_hostname_issuing": Entry(
            Turn.NAMEPLATE,
            "The certificate of the host is being issued at Cloudflare.",
            "No action needed. This takes some minutes.",
        ),
        "custom_hostname_moved": Entry(
            Turn.YOU,
            "The host no longer leads to the platform's zone at Cloudflare.",
            "Publish the record of the routing instructions again, or remove the binding.",
        ),
        "custom_hostname_blocked": Entry(
            Turn.OPERATOR,
            "Cloudflare has blocked the host.",
            "The operator must ask Cloudflare's support why, or remove the binding.",
        ),
        "custom_hostname_deleted": Entry(
            Turn.NAMEPLATE,
            "Cloudflare is still removing the host.",
            "Wait. Nameplate creates it again once it is gone.",
            (502,),
        ),
        "custom_hostname_timed_out": Entry(
            Turn.YOU,
            "Cloudflare gave up validating the host, or issuing its certificate.",
            "Publish the records of the routing instructions. Nameplate has Cloudflare try again.",
        ),
        "custom_hostname_expired": Entry(
            Turn.YOU,
            "The certificate of the host at Cloudflare has expired.",
            "Publish the records of the routing instructions, so that Cloudflare can renew it.",
        ),
        "custom_hostname_expiring": Entry(
            Turn.YOU,
            "The certificate of the host at Cloudflare ends soon and has not been renewed.",
            "Check that the host still leads to Cloudflare and that its CAA records are open.",
        ),
        "custom_hostname_uncertified": Entry(
            Turn.OPERATOR,
            "Cloudflare has no certificate in use for the host.",
            "The operator must check the custom hostname in Cloudflare's dashboard.",
        ),
        "custom_hostname_foreign": Entry(
            Turn.OPERATOR,
            "The zone has a custom hostname of this name that Nameplate did not make.",
            "The operator must remove it at Cloudflare, or the binding here. Nameplate never takes it over.",
            (502,),
        ),
        "custom_hostname_quota": Entry(
            Turn.OPERATOR,
            "The zone has all custom hostnames that its plan includes.",
            "The operator must raise the limit at Cloudflare, or remove hosts that are not used.",
            (502,),
        ),
        "custom_hostname_refused": Entry(
            Turn.OPERATOR,
            "Cloudflare does not take the custom hostname.",
            "The operator must correct what Cloudflare's message says. Without the right to set metadata, set "
            "`metadata` of the server's proxy to false.",
            (502,),
        ),
        "custom_hostname_unsupported": Entry(
            Turn.YOU,
            "A custom hostname at Cloudflare cannot serve what the binding wants.",
            "Bind one exact host with the path / and without a redirect, or use another server.",
            (502,),
        ),
    },
)
