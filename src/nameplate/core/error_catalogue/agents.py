"""The agent beside a proxy: its error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Agents",
    "The program beside a proxy that serves what the API says of its server.",
    {
        "agent_missing": Entry(
            Turn.OPERATOR,
            "No agent has ever reported for the server.",
            "Add a token with `nameplate token add NAME --server SERVER` and run `nameplate agent` with it beside the proxy.",
            (503,),
        ),
        "agent_silent": Entry(
            Turn.OPERATOR,
            "The server's agent has not reported for more than a minute. Its proxy continues with the last state.",
            "Start the agent, and run `nameplate agent --check` there.",
            (503,),
        ),
        "agent_waiting": Entry(
            Turn.NAMEPLATE,
            "The agent has not got what it is to serve yet.",
            "No action needed. It is asked for within seconds.",
            (503,),
        ),
        "agent_not_wanted": Entry(
            Turn.OPERATOR,
            "An agent asks for a server that a worker configures.",
            "Set `reach` to `agent` in the server's `proxy`, or stop the agent.",
            (502,),
        ),
        "agent_protocol_malformed": Entry(
            Turn.YOU,
            "The request does not say which versions of the agent's protocol it speaks.",
            "Use `nameplate agent`.",
            (422,),
        ),
        "agent_protocol_unsupported": Entry(
            Turn.OPERATOR,
            "Agent and API have no version of their protocol in common.",
            "Upgrade the older one, as the message says. The agent continues with the last state.",
            (502,),
        ),
        "agent_token_revoked": Entry(
            Turn.OPERATOR,
            "The agent's token was revoked or has expired, or its server was removed. The agent has ended and removed its copy; the proxy is as it was.",
            "Add a new token for the server and start the agent with it, or remove what it left on the machine.",
            (403,),
        ),
        "agent_token_unknown": Entry(
            Turn.OPERATOR,
            "The API does not know the agent's token.",
            "Check `NAMEPLATE_TOKEN` on the agent's machine.",
            (503,),
        ),
        "agent_refused": Entry(
            Turn.OPERATOR,
            "The API refuses what the agent asks.",
            "Read the reason in the message.",
            (502,),
        ),
        "agent_api_failed": Entry(
            Turn.OPERATOR,
            "The API failed. The agent continues with the last state and asks again.",
            "See the log of `nameplate serve`.",
            (503,),
        ),
        "answer_unsigned": Entry(
            Turn.OPERATOR,
            "Something that is not the API, or does not know the agent's token, has answered.",
            "Check the URL, and what stands between the agent and the API.",
            (503,),
        ),
        "api_url_insecure": Entry(
            Turn.OPERATOR,
            "The agent would get private keys without TLS.",
            "Use an `https://` URL.",
            (422,),
        ),
        "copy_unreadable": Entry(
            Turn.OPERATOR,
            "The agent's own copy was sealed with another token, or was changed.",
            "No action needed while the API answers: the agent fetches the state again.",
            (502,),
        ),
        "copy_unwritable": Entry(
            Turn.OPERATOR,
            "The agent cannot write its own copy of the state.",
            "Make room on the disk, or correct the rights of `NAMEPLATE_HOME`.",
            (502,),
        ),
        "state_malformed": Entry(
            Turn.OPERATOR,
            "The agent does not understand what the API sent, and serves the last state.",
            "Upgrade the agent to the version of the API.",
            (502,),
        ),
        "state_older": Entry(
            Turn.OPERATOR,
            "The API sent a state that is older than the one the agent has.",
            "If the API's database was restored from a backup, give the agent a new token.",
            (502,),
        ),
    },
)
