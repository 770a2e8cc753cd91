"""pipelines/scheduling/proxies.py: real clients of Prefect and httpx, and variables as desktops set them."""

import os

import httpx
import pytest

from pipelines.scheduling import automations, prefect_server
from pipelines.scheduling import proxies as module
from pipelines.scheduling import serve as serving
from tasks.environment import child_environment

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
LOCAL = "http://127.0.0.1:4200/api"
# reserved names, which never resolve
FAR = "https://prefect.example/api"
# GNOME and Clash set the first; httpx knows neither scheme, and SOCKS 5 only with a package that is no dependency
UNUSABLE = ["socks://127.0.0.1:9", "socks4://me:pa55@127.0.0.1:9", "socks5://127.0.0.1:9", "http://[::1"]


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in (*NAMES, *map(str.lower, NAMES)):
        # first set, so that what the code under test does to them is undone
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
        monkeypatch.setenv(f"CRACKFLOW_ASIDE_{name}", "")
        monkeypatch.delenv(f"CRACKFLOW_ASIDE_{name}")
    return monkeypatch


@pytest.mark.parametrize("proxy", UNUSABLE)
@pytest.mark.parametrize("name", ["ALL_PROXY", "all_proxy", "HTTP_PROXY"])
def test_a_client_works_again_and_children_keep_the_proxy(environment, name, proxy):
    environment.setenv(name, proxy)
    with pytest.raises((ImportError, ValueError, httpx.InvalidURL)):
        httpx.Client()
    module.prepare_for(LOCAL)
    httpx.Client().close()
    assert name not in os.environ
    assert child_environment()[name] == proxy
    assert not [one for one in child_environment() if one.startswith("CRACKFLOW_ASIDE")]


def test_both_cases_of_a_name_are_set_aside(environment):
    environment.setenv("all_proxy", UNUSABLE[0])
    environment.setenv("ALL_PROXY", UNUSABLE[0])
    module.prepare_for(None)
    assert not module.configured()


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "127.0.0.1:9", "https://me:pa55@proxy.example:3128"])
def test_a_proxy_that_can_be_used_stays(environment, proxy):
    environment.setenv("HTTPS_PROXY", proxy)
    module.prepare_for(FAR)
    assert os.environ["HTTPS_PROXY"] == proxy


@pytest.mark.parametrize("proxy", UNUSABLE)
@pytest.mark.parametrize("ask", ["rebuild", "notify", "serve --remove-old"])
def test_a_server_behind_one_that_can_not_be_used_is_one_line_without_the_password(environment, tmp_path, proxy, ask):
    from prefect.settings import PREFECT_API_URL, temporary_settings

    def asked():
        if ask == "rebuild":
            with prefect_server.configured_or_temporary():
                pass
        elif ask == "notify":
            automations.install("slack-webhook/x")
        else:
            serving.remove_old(tmp_path, print)

    environment.setenv("ALL_PROXY", proxy)
    words = r"^Prefect can't ask https://prefect.example/api through ALL_PROXY="
    with temporary_settings({PREFECT_API_URL: FAR}), pytest.raises(module.ProxyError, match=words) as found:
        asked()
    assert "\n" not in str(found.value)
    assert "pa55" not in str(found.value)


def test_a_name_in_no_proxy_needs_none(environment):
    environment.setenv("ALL_PROXY", UNUSABLE[0])
    environment.setenv("NO_PROXY", "prefect.example")
    module.prepare_for(FAR)
    assert "ALL_PROXY" not in os.environ


@pytest.mark.parametrize("address", ["127.0.0.1:4200/api", "http://", "ftp://h/api", "http://h:port/api", "/api"])
def test_what_is_no_address_is_one_line(address):
    with pytest.raises(module.ProxyError, match=r"^PREFECT_API_URL is .*; expected an address such as http://127"):
        module.prepare_for(address)
