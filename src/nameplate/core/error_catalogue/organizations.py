"""Organizations, accounts and tokens: their error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Organizations, accounts and tokens",
    "Tenants of the platform, their accounts and API tokens.",
    {
        "organization_not_found": Entry(
            Turn.YOU,
            "The organization does not exist, or the caller has no access to it.",
            "Check the id, slug or external id, and which organization the token belongs to.",
            (404,),
        ),
        "organization_required": Entry(
            Turn.YOU,
            "A platform token must name the organization.",
            "Give `organization`, or `--organization` on the command line.",
            (422,),
        ),
        "slug_invalid": Entry(
            Turn.YOU,
            "The slug cannot be used.",
            "Use 1 to 63 lower-case letters, digits and hyphens, no hyphen at either end, "
            "and nothing that looks like an id (`org_...`).",
            (422,),
        ),
        "slug_required": Entry(
            Turn.YOU,
            "No slug can be made from the organization's name.",
            "Give a `slug` of lower-case letters, digits and hyphens.",
            (422,),
        ),
        "slug_taken": Entry(
            Turn.YOU,
            "Another organization has this slug.",
            "Use another slug.",
            (409,),
        ),
        "token_owner_missing": Entry(
            Turn.YOU,
            "A new token acts for an organization or for the platform, and neither was named.",
            "Give `organization`, or `platform` for a token that may do everything.",
            (422,),
        ),
        "token_owner_twice": Entry(
            Turn.YOU,
            "A new token acts either for the platform or for one organization.",
            "Leave out `organization` or `platform`.",
            (422,),
        ),
        "account_changed": Entry(
            Turn.NAMEPLATE,
            "The account was changed while it was in use.",
            "Certificates are tried again by themselves. After `account rotate-key`: test the account, "
            "and repeat the command.",
            (409, 503),
        ),
        "account_of_another": Entry(
            Turn.YOU,
            "The account belongs to another organization than the domain.",
            "Use an account of the domain's organization, or one of the platform.",
            (409,),
        ),
        "account_not_found": Entry(
            Turn.YOU,
            "There is no such account.",
            "Check the id or name, and add the account first.",
            (404,),
        ),
        "kind_unknown": Entry(
            Turn.YOU,
            "The kind of account is unknown.",
            "Use one of the kinds that the message lists.",
            (422,),
        ),
        "config_holds_secret": Entry(
            Turn.YOU,
            "The account's configuration contains a secret, which everyone with access to "
            "the account can read.",
            "Give the secret under `credentials`, and replace it at the provider.",
            (422,),
        ),
        "embed_token_not_found": Entry(
            Turn.YOU,
            "The request is not sent with an embed token.",
            "Send it with the embed token that it asks about, from one of its pages.",
            (404,),
        ),
        "token_not_found": Entry(
            Turn.YOU,
            "There is no such token.",
            "List the tokens and use an id from there.",
            (404,),
        ),
        "token_malformed": Entry(
            Turn.YOU,
            "Not an API token.",
            "Copy the whole token, including `np_`.",
            (422,),
        ),
        "expires_at_past": Entry(
            Turn.YOU,
            "The expiry of the token is in the past.",
            "Give a time in the future.",
            (422,),
        ),
        "expires_at_too_late": Entry(
            Turn.YOU,
            "The token would outlive the one that creates it.",
            "Give an earlier time, or none: it then expires with the token that creates it.",
            (422,),
        ),
    },
)
