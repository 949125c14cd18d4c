"""Applications, bindings, servers and proxies: their error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Applications, bindings, servers and proxies",
    "What serves a host, and what a proxy said.",
    {
        "application_not_found": Entry(
            Turn.YOU,
            "There is no such application.",
            "Check the name or id, and add the application first.",
            (404,),
        ),
        "binding_not_found": Entry(
            Turn.YOU,
            "There is no such binding.",
            "List the bindings and use an id or host from there.",
            (404,),
        ),
        "server_not_found": Entry(
            Turn.YOU,
            "There is no such server.",
            "Check the name or id, and add the server first.",
            (404,),
        ),
        "no_binding": Entry(
            Turn.YOU,
            "No application is bound to the domain.",
            "Bind one with `nameplate binding add`.",
        ),
        "binding_pending": Entry(
            Turn.NAMEPLATE,
            "The binding waits for the proof or the certificate.",
            "Nothing to do here. See the other conditions of the domain.",
        ),
        "binding_configuring": Entry(
            Turn.NAMEPLATE,
            "The proxy is being configured and probed.",
            "Nothing to do. The binding is active when a probe saw the right answer.",
        ),
        "binding_error": Entry(
            Turn.OPERATOR,
            "The binding cannot be served.",
            "Read the message. It names what the proxy or the probe said.",
        ),
        "binding_disabled": Entry(
            Turn.YOU,
            "The binding is switched off.",
            "Switch it on with `nameplate binding update BINDING --enable`.",
        ),
        "host_bound": Entry(
            Turn.YOU,
            "This host and path lead to an application already.",
            "Change or remove the binding that exists.",
            (409,),
        ),
        "path_invalid": Entry(
            Turn.YOU,
            "The path cannot be used.",
            "Begin it with `/` and use letters, digits, `-`, `.`, `_`, `~` and `/` only.",
            (422, 502),
        ),
        "seconds_invalid": Entry(
            Turn.YOU,
            "A time is not within its limits.",
            "Give seconds within the limits that the message names.",
            (422,),
        ),
        "server_required": Entry(
            Turn.YOU,
            "It is not clear which server is to serve the host.",
            "Name one of the servers that the message lists. If there is none, the operator must add one.",
            (422,),
        ),
        "server_shared": Entry(
            Turn.OPERATOR,
            "The server belongs to the platform.",
            "Ask the operator to change it.",
            (403,),
        ),
        "server_without_address": Entry(
            Turn.OPERATOR,
            "The server has no public name or address that DNS could point at.",
            "Set `address` or `addresses` of the server.",
        ),
        "several_servers": Entry(
            Turn.YOU,
            "The bindings of one host are on several servers.",
            "Bind all paths of a host to one server.",
        ),
        "external_id_taken": Entry(
            Turn.YOU,
            "Another object of this kind has the external id.",
            "Use another external id, or the object that has it.",
            (409,),
        ),
        "addresses_invalid": Entry(
            Turn.YOU,
            "An address of the server cannot be used.",
            "Correct each address that `errors` names.",
            (422,),
        ),
        "addresses_too_many": Entry(
            Turn.YOU,
            "The server has too many addresses.",
            "Give fewer addresses.",
        ),
        "proxy_unknown": Entry(
            Turn.OPERATOR,
            "There is no adapter for this proxy.",
            "Set `proxy.type` of the server to `caddy` or `nginx`.",
            (502,),
        ),
        "proxy_missing": Entry(
            Turn.OPERATOR,
            "The proxy's program cannot be run.",
            "Install nginx, or set `executable` in the server's proxy configuration.",
            (503,),
        ),
        "proxy_down": Entry(
            Turn.OPERATOR,
            "The proxy does not run.",
            "Start the proxy. Nameplate configures it again by itself.",
            (503,),
        ),
        "proxy_busy": Entry(
            Turn.NAMEPLATE,
            "Another process is configuring this proxy.",
            "Nothing to do. Nameplate tries again by itself.",
            (503,),
        ),
        "proxy_failed": Entry(
            Turn.OPERATOR,
            "The proxy's admin interface failed.",
            "Read the proxy's log. Nameplate tries again by itself.",
            (503,),
        ),
        "proxy_step_failed": Entry(
            Turn.OPERATOR,
            "Nameplate could not configure the proxy for a reason that it does not know.",
            "Check the server's `proxy` object, and read the worker's log.",
        ),
        "withdrawal_unseen": Entry(
            Turn.OPERATOR,
            "Hosts that must not be served could not be closed, because nginx's workers do not see the proxy's folder.",
            "Let the user of nginx's workers pass through the folders that lead there (`chmod o+x`), or repair "
            "what nginx refuses.",
            (502,),
        ),
        "proxy_slow": Entry(
            Turn.OPERATOR,
            "The proxy did not check its configuration in time.",
            "Check the load of the machine. Nameplate tries again by itself.",
            (503,),
        ),
        "proxy_refused": Entry(
            Turn.OPERATOR,
            "The proxy refuses the configuration and keeps the old one.",
            "Read what the proxy said. Correct its base configuration, or the binding that the message names.",
            (502,),
        ),
        "proxy_reload_failed": Entry(
            Turn.OPERATOR,
            "The proxy did not start with the new configuration. The old one keeps serving.",
            "Read the proxy's error log. Often a port is in use.",
            (502,),
        ),
        "proxy_folder_unusable": Entry(
            Turn.OPERATOR,
            "The proxy's folder cannot be used.",
            "Give the process the right to write there.",
            (502,),
        ),
        "disk_full": Entry(
            Turn.OPERATOR,
            "The disk is full. The proxy keeps what it has.",
            "Free space on the disk. Nameplate tries again by itself.",
            (503,),
        ),
        "fragment_unsafe": Entry(
            Turn.OPERATOR,
            "A part of the nginx configuration does not read back as it was meant, so it is not used.",
            "Report this as a bug, with the binding that the message names.",
            (502,),
        ),
        "route_repeated": Entry(
            Turn.OPERATOR,
            "A route was given twice.",
            "Report this as a bug.",
            (502,),
        ),
        "path_repeated": Entry(
            Turn.YOU,
            "Two bindings of a host have the same path.",
            "Remove one of the two.",
            (502,),
        ),
        "certificate_ambiguous": Entry(
            Turn.OPERATOR,
            "The routes of a host name different certificates.",
            "Keep one certificate for the host.",
            (502,),
        ),
        "key_pair_invalid": Entry(
            Turn.OPERATOR,
            "The certificate and its key do not belong together, or cannot be used.",
            "Issue the certificate again.",
            (502,),
        ),
        "route_id_invalid": Entry(
            Turn.OPERATOR,
            "The id of a route is not of its strict form.",
            "Report this as a bug. The route is left out.",
            (502,),
        ),
        "hostname_invalid": Entry(
            Turn.OPERATOR,
            "The host of a route is not of its strict form.",
            "Report this as a bug. The route is left out.",
            (502,),
        ),
        "upstream_invalid": Entry(
            Turn.YOU,
            "The upstream of a route is not of its strict form.",
            "Correct the application's upstream: HOST:PORT, such as `10.0.0.5:8000`.",
            (502,),
        ),
        "key_pair_id_invalid": Entry(
            Turn.OPERATOR,
            "The id of a route's certificate is not of its strict form.",
            "Report this as a bug. The route is left out.",
            (502,),
        ),
    },
)
