"""The agent: a small process beside a proxy that has it serve what the API says of its one server.

    channel ──(state)──▶ process ──▶ serving ──▶ the proxy's adapter
       ▲                   │   └──▶ kept: the sealed copy, for days without the API
       └────(report)───────┘ ◀── looks: what a visitor sees through the proxy

It has no database and no keys but those of its own server. It needs the API's URL and a token of that
server, and nothing else.
"""
