"""Applications, bindings, servers and proxies: their error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Applications, bindings, servers and proxies",
    "Serving hosts through proxies.",
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
            "The binding is waiting for proof of ownership or the certificate.",
            "No action needed here. See the other conditions of the domain.",
        ),
        "binding_configuring": Entry(
            Turn.NAMEPLATE,
            "The proxy is being configured and probed.",
            "No action needed. The binding is active once a probe receives the right answer.",
        ),
        "binding_error": Entry(
            Turn.OPERATOR,
            "The binding cannot be served.",
            "Read the answer of the proxy or the probe in the message.",
        ),
        "binding_disabled": Entry(
            Turn.YOU,
            "The binding is disabled.",
            "Enable it with `nameplate binding update BINDING --enable`.",
        ),
        "host_bound": Entry(
            Turn.YOU,
            "This host and path are already bound to an application.",
            "Change or remove the existing binding. To share its traffic, give the new binding a weight.",
            (409,),
        ),
        "port_not_listed": Entry(
            Turn.YOU,
            "The application does not list this port for bindings.",
            "Leave the port out, or ask the operator to list it with "
            "`nameplate application update APPLICATION --binding-port PORT`.",
            (422,),
        ),
        "path_invalid": Entry(
            Turn.YOU,
            "The path is not valid.",
            "Begin it with `/` and use letters, digits, `-`, `.`, `_`, `~` and `/` only.",
            (422, 502),
        ),
        "seconds_invalid": Entry(
            Turn.YOU,
            "A duration is not within its limits.",
            "Give seconds within the limits in the message.",
            (422,),
        ),
        "server_required": Entry(
            Turn.YOU,
            "Several servers could serve the host, or none.",
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
            "The server has no public name or address for DNS to point to.",
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
            "Use another external id, or use the object that has it.",
            (409,),
        ),
        "addresses_invalid": Entry(
            Turn.YOU,
            "An address of the server is not valid.",
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
            "Set `proxy.type` of the server to `caddy`, `cloudflare`, `nginx` or `traefik`.",
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
            "The proxy is not running.",
            "Start the proxy. Nameplate configures it again automatically.",
            (503,),
        ),
        "proxy_busy": Entry(
            Turn.NAMEPLATE,
            "Another process is configuring this proxy.",
            "No action needed. Nameplate retries automatically.",
            (503,),
        ),
        "proxy_failed": Entry(
            Turn.OPERATOR,
            "The proxy's admin interface failed.",
            "Read the proxy's log. Nameplate retries automatically.",
            (503,),
        ),
        "still_served": Entry(
            Turn.OPERATOR,
            "A proxy still serves a host although this is not allowed any more.",
            "Correct what keeps the server from being configured. Until then, stop its proxy to close the host.",
            (),
        ),
        "proxy_step_failed": Entry(
            Turn.OPERATOR,
            "An unexpected error occurred while the proxy was being configured.",
            "Check the server's `proxy` settings, and read the worker's log.",
            (502,),
        ),
        "withdrawal_unseen": Entry(
            Turn.OPERATOR,
            "Hosts that must not be served are still served, because the proxy does not see in its folder which ones.",
            "Correct the configuration that the proxy rejects. With nginx, giving the user of its workers "
            "access to the folders on the path (`chmod o+x`) is enough.",
            (502,),
        ),
        "proxy_slow": Entry(
            Turn.OPERATOR,
            "The proxy did not finish checking its configuration in time.",
            "Check the load of the machine. Nameplate retries automatically.",
            (503,),
        ),
        "proxy_refused": Entry(
            Turn.OPERATOR,
            "The proxy rejected the configuration and keeps the old one.",
            "Read the proxy's reason in the message. Correct its base configuration, or the "
            "binding in the message.",
            (502,),
        ),
        "proxy_reload_failed": Entry(
            Turn.OPERATOR,
            "The proxy did not start with the new configuration. The old one keeps serving.",
            "Read the proxy's error log. Often a port is in use, or another file in its folder cannot be read.",
            (502,),
        ),
        "proxy_folder_unusable": Entry(
            Turn.OPERATOR,
            "The proxy's folder cannot be used.",
            "Give Nameplate's process write permission there.",
            (502,),
        ),
        "disk_full": Entry(
            Turn.OPERATOR,
            "The disk is full. The proxy keeps its current configuration.",
            "Free space on the disk. Nameplate retries automatically.",
            (503,),
        ),
        "fragment_unsafe": Entry(
            Turn.OPERATOR,
            "Part of the proxy's configuration does not parse back to what was intended, so "
            "it is not used.",
            "Report this as a bug, with the binding that the message names.",
            (502,),
        ),
        "route_repeated": Entry(
            Turn.OPERATOR,
            "A route was given twice.",
            "Report this as a bug.",
            (502,),
        ),
        "route_settings_differ": Entry(
            Turn.YOU,
            "The targets of one host and path have different settings.",
            "Leave the setting out, or change it for the whole route: update one of its bindings.",
            (409, 502),
        ),
        "route_drained": Entry(
            Turn.YOU,
            "No target of the host and path would get a request.",
            "Give another target of it a weight first: "
            "`nameplate binding update BINDING --weight WEIGHT`.",
            (409, 502),
        ),
        "route_elsewhere": Entry(
            Turn.YOU,
            "Another server serves this host and path.",
            "Leave the server out, or move the whole route: update one of its bindings.",
            (409,),
        ),
        "route_too_wide": Entry(
            Turn.YOU,
            "The host and path have too many targets.",
            "Remove a target that is drained.",
            (409,),
        ),
        "redirect_invalid": Entry(
            Turn.YOU,
            "The host cannot redirect in this way.",
            "Read the message. `www` redirects a host to its `www.` name, `apex` a `www.` name to the host "
            "without it, `to_primary` to the primary host of the application.",
            (422, 502),
        ),
        "redirect_unserved": Entry(
            Turn.YOU,
            "Nothing serves the host and path that it would redirect to.",
            "Bind that host first, with HTTPS and the same path.",
            (409,),
        ),
        "redirect_chained": Entry(
            Turn.YOU,
            "A host would redirect to one that redirects itself.",
            "Let the host at the end serve: `nameplate binding update BINDING --redirect none`.",
            (409,),
        ),
        "primary_needed": Entry(
            Turn.YOU,
            "Each application that has bindings has one primary binding.",
            "Make another one the primary: `nameplate binding primary BINDING`.",
            (409,),
        ),
        "partner_not_covered": Entry(
            Turn.YOU,
            "The proof of the domain does not cover the host with or without `www.`.",
            "Prove the domain by a DNS record, or add and bind the other host for itself.",
            (409,),
        ),
        "route_settings_invalid": Entry(
            Turn.OPERATOR,
            "The settings of a route do not have the expected form.",
            "Report this as a bug. The route is left out.",
            (502,),
        ),
        "setting_unsupported": Entry(
            Turn.YOU,
            "The proxy of the server cannot do this.",
            "Leave the setting out, or bind the host at a server with another proxy.",
            (422, 502),
        ),
        "password_invalid": Entry(
            Turn.YOU,
            "A password for visitors is too short, too long, or has control characters.",
            "Choose a password of 8 to 72 octets.",
            (422,),
        ),
        "password_missing": Entry(
            Turn.YOU,
            "A user of `basic_auth` has no password yet.",
            "Give `password`. Only users who have one already keep it without.",
            (422,),
        ),
        "weight_invalid": Entry(
            Turn.YOU,
            "The weight of a target is not valid.",
            "Give a number from 0 to 100. 0 sends the target no requests.",
            (422, 502),
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
            "The id of a route does not have the expected form.",
            "Report this as a bug. The route is left out.",
            (502,),
        ),
        "hostname_invalid": Entry(
            Turn.OPERATOR,
            "The host of a route does not have the expected form.",
            "Report this as a bug. The route is left out.",
            (502,),
        ),
        "upstream_invalid": Entry(
            Turn.YOU,
            "The upstream of a route does not have the expected form.",
            "Correct the application's upstream. Expected `HOST:PORT`, such as `10.0.0.5:8000`.",
            (502,),
        ),
        "key_pair_id_invalid": Entry(
            Turn.OPERATOR,
            "The certificate id of a route does not have the expected form.",
            "Report this as a bug. The route is left out.",
            (502,),
        ),
        "binding_unhealthy": Entry(
            Turn.YOU,
            "The application did not answer at its last health check.",
            "Check the application, and the proxy in front of it.",
        ),
        "health_unknown": Entry(
            Turn.OPERATOR,
            "The binding has not been checked for a long time.",
            "Check that `nameplate worker` is running.",
        ),
    },
)
