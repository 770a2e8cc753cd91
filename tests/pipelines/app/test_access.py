"""pipelines/app/access.py before the real application. A real server is in test_serving.py."""

import pytest

from pipelines.app.access import HEADERS, new_token
from tests.pipelines.app.conftest import PORT, TOKEN

BEARER = {"authorization": f"Bearer {TOKEN}"}
OWN = f"http://127.0.0.1:{PORT}"
REQUESTS = [
    ("GET", "/api/state"),
    ("GET", "/api/photos/1"),
    ("GET", "/api/photos/1/plain"),
    ("GET", "/api/download/cracks.csv"),
    ("PUT", "/api/photos?name=a.png"),
    ("PUT", "/api/photos/1/scale"),
    ("DELETE", "/api/photos/1"),
    ("GET", "/api/nothing"),
    ("POST", "/api/state"),
]


@pytest.mark.parametrize(("method", "path"), REQUESTS)
@pytest.mark.parametrize("given", [{}, {"authorization": "Bearer guess"}, {"authorization": TOKEN}, {"cookie": TOKEN}])
def test_whatever_is_below_api_needs_the_token(served, method, path, given):
    answer = served.browser(given).request(method, path, content=b"x")
    assert answer.status_code == 401
    assert served.files() == []


def test_a_token_in_the_address_opens_nothing(served):
    assert served.browser().get("/api/state", params={"token": TOKEN}).status_code == 401


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1.evil.example", "10.0.0.1", ""])
@pytest.mark.parametrize("path", ["/", "/page.js", "/api/state"])
def test_a_foreign_name_that_leads_here_is_turned_away(served, host, path):
    """DNS rebinding: the page of evil.example, whose address has become 127.0.0.1, asks this server."""
    assert served.browser(BEARER).get(path, headers={"host": host}).status_code == 400


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", f"https://127.0.0.1:{PORT}", ""]
)
@pytest.mark.parametrize(("method", "path"), REQUESTS[:7])
def test_a_page_of_another_origin_is_turned_away(served, origin, method, path):
    answer = served.browser(BEARER).request(method, path, headers={"origin": origin}, content=b"x")
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]
    asked = {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": "authorization",
    }
    assert served.browser().options(path, headers=asked).status_code == 403


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_its_own_page_is_served(served, name):
    own = {**BEARER, "host": f"{name}:{PORT}", "origin": f"http://{name}:{PORT}"}
    assert served.browser(own).get("/api/state").status_code == 200


@pytest.mark.parametrize("path", ["/", "/page.js", "/page.css", "/app.css", "/api/state", "/nothing"])
def test_every_answer_lets_the_browser_run_and_load_the_servers_own_files_alone(served, path):
    for client in (served.client, served.browser(), served.browser({"origin": "http://evil.example"})):
        answer = client.get(path)
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    rules = dict(rule.split(" ", 1) for rule in HEADERS["content-security-policy"].split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"


def test_the_page_names_no_other_host(served):
    texts = [served.client.get(path).text for path in ("/", "/page.js", "/page.css", "/app.css")]
    assert not any("http:" in text or "https:" in text or "//" in text.replace("// ", "") for text in texts[:1])
    assert not any("http://" in text or "https://" in text for text in texts)
    # and holds no word of a stranger
    assert "innerHTML" not in texts[1]


def test_each_start_has_a_token_of_its_own():
    assert new_token() != new_token()
    assert len(new_token()) >= 43
