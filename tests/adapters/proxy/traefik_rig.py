"""What tests of Traefik share."""

from tests.servers.process import free_port


def free_ports():
    return free_port(), free_port(), free_port()


def points(ports, *names):
    return {name: {"address": f"127.0.0.1:{port}"} for name, port in zip(names, ports, strict=True)}


def apply(server, *routes):
    server.adapter.apply(server.adapter.render(routes))


def plain(server, hostname="shop.example.test", path="/"):
    return server.look("http", hostname, path)
