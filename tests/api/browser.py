"""A browser as the console is used with: cookies, an origin, and the token of the page."""

import json
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any

from tests.api.client import Answer, Api

HOST, ORIGIN = "localhost", "http://localhost"
PASSWORD = "correct horse battery staple"


@dataclass
class Browser:
    """Keeps the cookies that it is given, and shows them to the one host."""

    api: Api
    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    """Of the cookies, as they were set last."""

    def send(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        sent = {"origin": ORIGIN, "x_csrf_token": self.csrf} if method != "GET" else {}
        sent |= headers
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        raw = None
        if body is not None:
            raw, sent["content_type"] = json.dumps(body).encode(), "application/json"
        told = {name: value for name, value in sent.items() if value}
        answer = self.api.as_(None).raw(method, path, raw, **told)
        self._keep(answer)
        return answer

    def _keep(self, answer: Answer) -> None:
        # The transport shows the last of several fields of one name: each is looked at there.
        for one in answer.cookies:
            for name, morsel in SimpleCookie(one).items():
                self.attributes[name] = morsel
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value

    def sign_in(self, email: str, password: str = PASSWORD, **more: str) -> Answer:
        answer = self.send("POST", "/v1/session", {"email": email, "password": password, **more})
        if answer.status == 201:
            self.csrf = answer.body["csrf_token"]
        return answer

    def get(self, path: str, **headers: str) -> Any:
        answer = self.send("GET", path, **headers)
        assert answer.status == 200, answer.raw
        return answer.body


def person(
    api: Api, email: str, role: str | None = None, organization: str | None = None, **fields: Any
) -> Browser:
    """Add a user with a password and, with a role, a membership; return the browser that it is in."""
    made = api.post("/v1/users", {"email": email, **fields})
    if role is not None:
        named = {"user": email, "role": role, "organization": organization}
        api.post("/v1/memberships", named)
    token = made["invitation_url"].partition("#")[2]
    browser = Browser(api)
    answer = browser.send("POST", "/v1/session/invitation", {"token": token, "password": PASSWORD})
    assert answer.status == 201, answer.raw
    browser.csrf = answer.body["csrf_token"]
    return browser
