"""People who sign in, and pages of others: their error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "People",
    "Signing in, users and their roles, and tokens for pages of others.",
    {
        "sign_in_refused": Entry(
            Turn.YOU,
            "Address or password is wrong, or the user is disabled.",
            "Try again. An operator can send another invitation: `nameplate user invite`.",
            (401,),
        ),
        "sign_in_delayed": Entry(
            Turn.YOU,
            "Too many attempts failed in a short time.",
            "Wait for `retry_after` seconds. A browser in which the user has signed in before does not wait "
            "for what fails elsewhere.",
            (429,),
        ),
        "second_factor_required": Entry(
            Turn.YOU,
            "The user has an authenticator, and the request has no code.",
            "Repeat the request with `code`: what the authenticator shows, or a recovery code.",
            (401,),
        ),
        "second_factor_wrong": Entry(
            Turn.YOU,
            "The code is wrong, or was used before.",
            "Wait for the next code, and check the clock of the device. A recovery code works once.",
            (401,),
        ),
        "invitation_invalid": Entry(
            Turn.OPERATOR,
            "The invitation was used or replaced, or has expired.",
            "Make another one: `nameplate user invite`.",
            (403,),
        ),
        "password_weak": Entry(
            Turn.YOU,
            "The password is too short, or easy to guess.",
            "Use 12 to 256 characters that are no repetition and have nothing of the address in them.",
            (422,),
        ),
        "current_password_wrong": Entry(
            Turn.YOU,
            "The current password is wrong.",
            "Enter the password with which you sign in now.",
            (403,),
        ),
        "totp_confirmed": Entry(
            Turn.YOU,
            "The user has an authenticator already.",
            "Remove it first. That takes a code of it, or a recovery code.",
            (409,),
        ),
        "totp_missing": Entry(
            Turn.YOU,
            "The user has no authenticator, or has not begun to set one up.",
            "Begin with `POST /v1/session/authenticator`.",
            (409,),
        ),
        "csrf_token_wrong": Entry(
            Turn.YOU,
            "A change by cookie has no token of the page, or an old one.",
            "Send `csrf_token` of `GET /v1/session` as `X-CSRF-Token`. It changes with each login.",
            (403,),
        ),
        "origin_not_allowed": Entry(
            Turn.YOU,
            "The page that sends the request may not do so.",
            "An embed token works on the pages in its `origins`. For the console, set "
            "`NAMEPLATE_PUBLIC_URL` to the address that people see.",
            (403,),
        ),
        "role_insufficient": Entry(
            Turn.YOU,
            "Your role in this organization does not include this.",
            "Ask an owner or admin of the organization to do it, or for the role in the message.",
            (403,),
        ),
        "role_too_high": Entry(
            Turn.YOU,
            "A role above the own cannot be given or taken.",
            "Ask a user who has that role.",
            (403,),
        ),
        "scope_insufficient": Entry(
            Turn.YOU,
            "The embed token does not allow this, or not without a domain.",
            "Make a token with the action that is missing. With a token of one domain, name that domain.",
            (403,),
        ),
        "organization_malformed": Entry(
            Turn.YOU,
            "`Nameplate-Organization` does not name an organization.",
            "Send the id or slug of one organization.",
            (422,),
        ),
        "email_invalid": Entry(
            Turn.YOU,
            "This is not an e-mail address.",
            "Expected `name@example.com`.",
            (422,),
        ),
        "user_exists": Entry(
            Turn.YOU,
            "There is a user with this address.",
            "Add a membership for that user, or send another invitation.",
            (409,),
        ),
        "user_not_found": Entry(
            Turn.OPERATOR,
            "There is no user with this id or address.",
            "Users are added by an operator: `nameplate user add`.",
            (404,),
        ),
        "user_unknown": Entry(
            Turn.OPERATOR,
            "The identity provider vouches for a person who is no user here.",
            "Add a user with the address that the provider has verified.",
            (403,),
        ),
        "identity_refused": Entry(
            Turn.YOU,
            "The answer of the identity provider does not fit the question, or the login was refused there.",
            "Sign in again, in one browser and within 10 minutes. If it stays so, compare "
            "`NAMEPLATE_OIDC_ISSUER` and `NAMEPLATE_OIDC_CLIENT_ID` with the provider's page.",
            (502,),
        ),
        "identity_provider_unavailable": Entry(
            Turn.PROVIDER,
            "The identity provider cannot be asked.",
            "Try again shortly. Whoever has a password can sign in with it.",
            (503,),
        ),
        "identity_provider_missing": Entry(
            Turn.OPERATOR,
            "There is no identity provider here.",
            "Sign in with a password, or set `NAMEPLATE_OIDC_ISSUER`.",
            (404,),
        ),
        "session_not_found": Entry(
            Turn.YOU,
            "You have no session with this id.",
            "List your sessions.",
            (404,),
        ),
        "membership_not_found": Entry(
            Turn.YOU,
            "There is no membership with this id.",
            "List the memberships of the organization.",
            (404,),
        ),
        "membership_exists": Entry(
            Turn.YOU,
            "The user is in this organization already.",
            "Change the role of that membership.",
            (409,),
        ),
        "last_owner": Entry(
            Turn.YOU,
            "An organization with people keeps an owner.",
            "Make another user an owner first.",
            (409,),
        ),
        "action_unknown": Entry(
            Turn.YOU,
            "An embed token cannot allow this action.",
            "Use the actions in the message.",
            (422,),
        ),
        "origin_invalid": Entry(
            Turn.YOU,
            "This is not the origin of a page.",
            "Give scheme, host and port, such as `https://shop.example.com`, without a path.",
            (422,),
        ),
    },
)
