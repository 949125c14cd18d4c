"""The command line: `nameplate NOUN VERB`, `nameplate serve`, `nameplate worker`."""

import gc
import io
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from nameplate import __version__, logs
from nameplate.cli import environment_file, failures, local, profiles, root
from nameplate.cli.transport import ApiConnection
from nameplate.core.errors import Invalid, Unavailable
from nameplate.core.secret import Secret
from nameplate.core.vantage_messages import MAX_REQUEST

if TYPE_CHECKING:
    from nameplate.settings import Settings


def _connect() -> ApiConnection:
    """Reach the API that the profile names, or the one in this very process."""
    remote = profiles.remote(os.environ)
    return _embedded() if remote is None else _elsewhere(remote)


class _RemoteApi:
    """A transport over HTTP."""

    def __init__(self, remote: profiles.Remote) -> None:
        from nameplate import remote as elsewhere  # noqa: PLC0415 - only commands that need it

        self._api = elsewhere.api(remote.url)
        self._remote = remote

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        try:
            reply = self._api.request(method, path, content=body, headers=headers)
        except Unavailable as error:
            if error.code != "provider_unreachable":
                raise
            raise Unavailable(
                "api_unreachable",
                f"No connection to {self._remote.url}: {error.detail} Check that `nameplate serve` runs "
                f"and listens there, and that {self._remote.setting} is right.",
            ) from None
        return reply.status, reply.headers, reply.body


def _elsewhere(remote: profiles.Remote) -> ApiConnection:
    from nameplate.remote import clock  # noqa: PLC0415 - only commands that need it pay for it

    return ApiConnection(_RemoteApi(remote), remote.token, clock=clock)


def _embedded() -> ApiConnection:
    gc.disable()  # until all is imported
    from nameplate import bootstrap  # noqa: PLC0415 - only commands that need it pay for it
    from nameplate.api.app import create  # noqa: PLC0415 - the same
    from nameplate.api.inprocess import InProcess  # noqa: PLC0415 - the same
    from nameplate.remote import clock  # noqa: PLC0415 - the same
    from nameplate.settings import Settings  # noqa: PLC0415 - the same
    from nameplate.worker.loop import Worker  # noqa: PLC0415 - the same

    settings = Settings.read()
    sessions, ring = bootstrap.ready(settings)
    logs.to(sys.stderr)
    tools = bootstrap.tools(settings, ring, sessions)
    token = Secret(secrets.token_urlsafe(32))
    bootstrap.collect_rarely()
    worker = Worker(sessions, tools, threads=settings.worker_threads)

    def drive(seconds: float) -> None:
        worker.run_until_idle(seconds)

    api = InProcess(create(sessions, tools, local_token=token))
    return ApiConnection(api, token, drive, clock)


def _local() -> local.Local:
    from nameplate import bootstrap  # noqa: PLC0415 - only commands that need it pay for it
    from nameplate.settings import Settings  # noqa: PLC0415 - the same

    return bootstrap.Installation(Settings.read())


app = root.build(_connect)
local.provide(_local)

EDGE_PROCESS = "nameplate.edge_process"
"""The module that serves the edge's own port."""
Host = Annotated[str | None, typer.Option(help="Address to listen on. Default: NAMEPLATE_HOST.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on. Default: NAMEPLATE_PORT.")]


@app.command()
def serve(
    host: Host = None,
    port: Port = None,
    *,
    worker: Annotated[bool, typer.Option(help="Also run background work in this process.")] = True,
) -> None:
    """Serve the API and the edge, and run background work."""
    from nameplate import asgi, listener  # noqa: PLC0415 - only this command needs them
    from nameplate.listener import child  # noqa: PLC0415 - the same
    from nameplate.settings import Settings  # noqa: PLC0415 - the same

    with failures.reported():
        if host is not None:
            os.environ["NAMEPLATE_HOST"] = host
        if port is not None:
            os.environ["NAMEPLATE_PORT"] = str(port)
        if not worker:
            os.environ["NAMEPLATE_SERVE_WORKER"] = "false"
        settings = Settings.read()
        edge_server = None
        with listener.listen(settings.host, settings.port) as api_socket:
            if settings.edge_port is not None:
                at_edge = listener.listen(*settings.edge_address)
                edge_server = child.ServerProcess(EDGE_PROCESS, at_edge, name="nameplate-edge")
            logs.to(sys.stderr)
            server = listener.server(asgi.create(settings, edge_server), lifespan="on")
            _announce_server(settings)
            server.run(sockets=[api_socket])
        if not server.started:
            raise typer.Exit(1)


@app.command()
def worker(
    threads: Annotated[
        int | None,
        typer.Option(help="Number of threads. Default: NAMEPLATE_WORKER_THREADS."),
    ] = None,
) -> None:
    """Run background work until SIGTERM or SIGINT. Any number of workers can run in parallel."""
    gc.disable()  # until all is imported
    from nameplate import bootstrap  # noqa: PLC0415 - only commands that need it pay for it
    from nameplate.settings import Settings  # noqa: PLC0415 - the same
    from nameplate.worker.loop import Worker  # noqa: PLC0415 - the same

    with failures.reported():
        logs.to(sys.stderr)
        settings = Settings.read()
        sessions, ring = bootstrap.ready(settings)
        tools = bootstrap.tools(settings, ring, sessions)
        bootstrap.collect_rarely()
        working = Worker(sessions, tools, threads=threads or settings.worker_threads)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: working.stop())
        ended: list[bool] = []
        thread = threading.Thread(
            target=lambda: ended.append(working.run()), name="nameplate-worker"
        )
        _announce(f"Nameplate {__version__} works.", {"threads": str(working.threads)}, settings)
        thread.start()
        while thread.is_alive():
            thread.join(0.5)
        sessions.dispose()
        if ended == [False]:
            os._exit(0)  # somebody's server does not answer a step whose row was given back


@app.command()
def vantage(host: Host = None, port: Port = None) -> None:
    """Look names up in the DNS for a control plane elsewhere. Needs no database."""
    from nameplate import bootstrap, listener  # noqa: PLC0415 - only this command needs them
    from nameplate.remote import clock  # noqa: PLC0415 - the same
    from nameplate.settings import Settings  # noqa: PLC0415 - the same
    from nameplate.vantage import VantageApp  # noqa: PLC0415 - the same

    with failures.reported():
        settings = Settings.read()
        at = host or settings.vantage_host, port or settings.vantage_port
        vantage_app = VantageApp(*bootstrap.vantage(settings), clock)
        with listener.listen(*at) as listening:
            logs.to(sys.stderr)
            limits = listener.ConnectionLimits(body=MAX_REQUEST, connections=200)
            bounded = listener.bounded(vantage_app, limits)
            server = listener.server(bounded, limits, lifespan="off")
            sys.stderr.write(f"Vantage {settings.vantage_name} listens at {at[0]} port {at[1]}.\n")
            server.run(sockets=[listening])
        if not server.started:
            raise typer.Exit(1)


@app.command()
def agent(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Try what the agent needs here, and change nothing.")
    ] = False,
) -> None:
    """Have the proxy on this machine serve what the API says of its server. Needs no database."""
    from nameplate.agent import command  # noqa: PLC0415 - only this command needs it
    from nameplate.settings import Settings  # noqa: PLC0415 - the same

    with failures.reported():
        told = profiles.remote(os.environ)
        if told is None:
            raise Invalid(
                "api_url_missing",
                "Set `NAMEPLATE_API_URL` to the URL of the API, and `NAMEPLATE_TOKEN` to the token of "
                "this server's agent.",
            )
        here = Settings.read()
        place = here.home, here.agent_host, here.agent_port
        given = command.AgentSettings(told.url, told.token, *place)
        if check:
            found = list(command.check(given))
            for one in found:
                sys.stdout.write(f"[{'x' if one.ok else ' '}] {one.name}: {one.message}\n")
            raise typer.Exit(0 if all(one.ok for one in found) else 1)
        logs.to(sys.stderr)
        running = command.Agent(given, time.monotonic)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: running.process.stop())
        sys.stderr.write(f"Nameplate {__version__} agent. API: {told.url}\n")
        running.run()


def _announce_server(settings: "Settings") -> None:
    """Say where the API and the edge listen, and whether work is done here."""
    at = "http://{}:{}"
    edge = at.format(*settings.edge_address) + ("" if settings.edge_port else "/edge")
    threads = f"{settings.worker_threads} threads in this process"
    told = {
        "API": at.format(settings.host, settings.port),
        "edge": edge,
        "worker": threads if settings.serve_worker else "none here: run `nameplate worker`",
    }
    _announce(f"Nameplate {__version__} serves.", told, settings)


def _announce(title: str, told: dict[str, str], settings: "Settings") -> None:
    from nameplate import bootstrap  # noqa: PLC0415 - only commands that need it pay for it
    from nameplate.cli import doctor  # noqa: PLC0415 - the same

    here = bootstrap.Installation(settings)
    works_here = "API" not in told or settings.serve_worker
    found = [
        one
        for one in here.findings(over_network=False)
        if not (works_here and one.subject == "worker")  # it begins only now
    ]
    doctor.announce(sys.stderr, title, {**told, **here.facts()}, found)


@app.command()
def demo(
    *,
    buy: Annotated[
        bool, typer.Option("--buy", help="Begin with a name that is bought, in a sandbox.")
    ] = False,
    keep: Annotated[bool, typer.Option(help="Keep everything running until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Port of the API. Default: a free port, or 8080 with `--keep`."
        ),
    ] = None,
) -> None:
    """Run a local demo, from claim to HTTPS."""
    from nameplate.demo import command  # noqa: PLC0415 - only this command needs it

    raise typer.Exit(command.run(keep=keep, as_json=as_json, port=port, buy=buy))


def main() -> None:
    """Run the command line."""
    _speak_utf8()
    environment_file.take(os.environ)
    alone: dict[str, Callable[[], None]] = {"worker": worker, "agent": agent}
    if len(sys.argv) != 2 or sys.argv[1] not in alone:  # noqa: PLR2004 - the command alone
        app(prog_name="nameplate")
        return
    # It runs for months; what the options are parsed with (Typer has pydantic do it) would stay in
    # its memory, 7 MB, to find that there are none.
    try:
        alone[sys.argv[1]]()
    except typer.Exit as ended:
        sys.exit(ended.exit_code)


def _speak_utf8() -> None:
    """Read arguments and write text as UTF-8, whatever the locale: `C` knows ASCII only.

    What cannot be read as UTF-8 stays as it is, for the API to refuse.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    sys.argv[1:] = [
        os.fsencode(text).decode("utf-8", "surrogateescape")
        if any("\udc80" <= char <= "\udcff" for char in text)
        else text
        for text in sys.argv[1:]
    ]


if __name__ == "__main__":
    main()
