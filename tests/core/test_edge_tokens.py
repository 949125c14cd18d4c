from nameplate.core import edge_tokens
from nameplate.core.secret import Secret


def test_a_token_is_of_one_server_and_one_secret():
    secret = Secret("one secret")
    token = edge_tokens.token(secret, "srv_1").reveal()
    assert len(token) == 43
    assert edge_tokens.opens(secret, "srv_1", token.encode())
    assert not edge_tokens.opens(secret, "srv_2", token.encode())
    assert not edge_tokens.opens(Secret("another secret"), "srv_1", token.encode())
    assert not edge_tokens.opens(secret, "srv_1", b"")
    assert not edge_tokens.opens(secret, "srv_1", b"\xff")
