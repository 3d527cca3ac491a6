"""Who may read the pages, logs and artifacts of `bkagent server`, and how one logs in: processes and real HTTP."""

import base64
import http.client
import json
import os
import re
import signal
import socket
from pathlib import Path
from typing import Any, Iterator, List, Set, Tuple
from urllib.parse import urlsplit

import pytest

from tests.whole.browser import Answered, Browser, ask, form_token
from tests.whole.running import Done, bkagent
from tests.whole.site import Site

SECRET = "a-line-of-the-log"
PIPELINE = f"""steps:
  - label: talk
    command:
      - echo {SECRET}
      - buildkite-agent annotate {SECRET}
      - echo {SECRET} > out.txt
      - buildkite-agent artifact upload out.txt
"""
POST = ("/-/login", "/-/logout", "/-/agents/x/stop", "/-/agents/x/pause", "/-/agents/x/resume",
        "/local/app/builds/1/jobs/x/unblock")  # fmt: skip


class Served:
    """A server with one build that has ended, and the paths of everything that pages show of it."""

    def __init__(self, site: Site) -> None:
        self.site, self.url = site, site.url
        site.agent()
        site.create(PIPELINE, "--env", "BUILDKITE_SKIP_CHECKOUT=true")
        assert site.ended()["state"] == "passed", site.log("talk")
        (job,) = site.jobs().values()
        (artifact,) = site.rest("/pipelines/app/builds/1/artifacts")
        build = "/local/app/builds/1"
        self.job = f"{build}/jobs/{job['id']}"
        self.artifact = f"{build}/artifacts/{artifact['id']}"
        self.pages = ["/", "/local", "/local/app", "/local/app/builds", build, self.job, "/-/agents"]
        self.streams = ["/-/live", f"{build}/live", f"{self.job}/live?start=0&offset=0"]
        self.files = [f"{self.job}/log.txt", self.artifact]

    @property
    def token(self) -> str:
        return Path(self.site.api_token).read_text(encoding="ascii").strip()


@pytest.fixture(scope="module")
def served(archive: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Site(archive, tmp_path_factory.mktemp("served")) as site:
        yield Served(site)


@pytest.fixture
def site(archive: str, tmp_path: Path) -> Iterator[Any]:
    """Return a function that starts a server of the test's own."""
    started: List[Site] = []

    def start(*flags: str, listen: str = "127.0.0.1:0", folder: str = "own") -> Site:
        (tmp_path / folder).mkdir()
        started.append(Site(archive, tmp_path / folder, *flags, listen=listen))
        return started[-1]

    yield start
    for running in started:
        running.__exit__()


def login_url(archive: str, data: Path) -> Done:
    return bkagent(archive, "server", "login-url", "--data", str(data), cwd=data.parent)


def attributes(cookie: str) -> Tuple[str, List[str]]:
    """Return the name of a cookie, and its attributes."""
    pair, *more = cookie.split("; ")
    return pair.partition("=")[0], more


def test_nothing_is_shown_without_a_login(served: Served) -> None:
    strangers = (
        {}, {"Host": "localhost"}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "},
        {"Authorization": "Basic " + base64.b64encode(b"a:wrong").decode()}, {"Cookie": "bkagent_0=" + "0" * 64},
        {"X_Forwarded_For": "127.0.0.1"}, {"Host": "evil.example"},
    )  # fmt: skip
    for path in (*served.pages, *served.streams, *served.files):
        for headers in strangers:
            for accept in ("text/html", "application/json"):
                answer = ask(served.url + path, Accept=accept, **headers)
                assert answer.status == 401 and SECRET not in answer.text, (path, headers)
    shown = ask(served.url + "/local/app", Accept="text/html")
    assert 'action="/-/login?to=/local/app"' in shown.text and "www-authenticate" in shown.headers
    for path in ("/-/style.css", "/-/live.js", "/-/login"):
        assert ask(served.url + path).status == 200


def test_the_api_token_shows_everything(served: Served) -> None:
    for scheme in (f"Bearer {served.token}", "Basic " + base64.b64encode(f"me:{served.token}".encode()).decode()):
        for path in (*served.pages, *served.streams, *served.files):
            assert ask(served.url + path, Authorization=scheme).status == 200, path
    for wrong in (f"Token {served.token}", f"Bearer {Path(served.site.agent_token).read_text().strip()}"):
        assert ask(served.url + "/", Authorization=wrong).status == 401


def test_a_printed_link_logs_in_once(served: Served, archive: str) -> None:
    done = login_url(archive, served.site.folder / "data")
    link = done.out.strip()
    assert (done.status, done.err) == (0, "") and link.startswith(served.url + "/-/login?token=")
    assert served.token not in link
    assert ask(link, "HEAD").cookies[0].partition("=")[0].endswith("_form")  # a look at the head uses nothing up
    browser = Browser(served.url)
    answer = browser.ask(link)
    assert (answer.status, answer.headers["location"], answer.body) == (303, "/", b"")
    assert answer.headers["referrer-policy"] == "no-referrer" and answer.headers["cache-control"] == "no-store"
    (cookie,) = answer.cookies
    name, said = attributes(cookie)
    assert re.fullmatch(r"bkagent_[0-9a-f]{16}", name) and sorted(said) == ["HttpOnly", "Path=/", "SameSite=Lax"]
    for path in (*served.pages, *served.streams, *served.files):
        assert browser.ask(path).status == 200, path
        # Another server of this machine is the same site: what it shows may not have these as pictures or scripts.
        assert browser.ask(path).headers["cross-origin-resource-policy"] == "same-origin", path
    assert SECRET in browser.ask(served.job).text and SECRET in browser.ask(served.pages[4]).text
    again = Browser(served.url).ask(link)
    assert again.status == 401 and not [name for name in again.cookies if not name.partition("=")[0].endswith("_form")]


@pytest.mark.parametrize(
    "change",
    [lambda link: link[:-1] + ("0" if link[-1] != "0" else "1"), lambda link: link.replace("token=", "token=9"),
     lambda link: link.partition("=")[0] + "=x", lambda link: link.partition("=")[0] + "=lasting-" + "0" * 64,
     lambda link: link.partition("=")[0] + "=%C3%A9-%C3%A9-%C3%A9"],
)  # fmt: skip
def test_a_link_that_was_not_given_logs_no_user_in(served: Served, archive: str, change: Any) -> None:
    link = login_url(archive, served.site.folder / "data").out.strip()
    browser = Browser(served.url)
    answer = browser.ask(change(link))
    assert answer.status == 401 and browser.ask("/").status == 401
    assert browser.ask(link).status == 303


def test_the_form_takes_the_token_and_answers_whatever_is_wrong_the_same(served: Served) -> None:
    browser = Browser(served.url)
    another = Path(served.site.agent_token).read_text().strip()
    wrong = ("", "x", served.token[:-1], served.token + "0", another, "\u00e9")
    refusals = [browser.log_in(token) for token in wrong]
    refusals.append(browser.ask("/-/login?token=used-up"))
    assert {answer.status for answer in refusals} == {401}
    assert len({answer.text for answer in refusals}) == 1 and "is invalid" in refusals[0].text
    assert browser.ask("/").status == 401
    answer = browser.log_in(served.token)
    assert (answer.status, answer.headers["location"]) == (303, "/") and browser.ask("/").status == 200
    assert browser.ask("/-/login?to=/-/agents").headers["location"] == "/-/agents"


def test_a_login_leads_back_to_a_page_of_this_server_only(served: Served) -> None:
    browser = Browser(served.url)
    page = browser.ask(f"{served.job}?a=b")
    (action,) = re.findall(r'<form method="post" action="([^"]*)">', page.text)
    answer = browser.send(action, form_token=form_token(page), token=served.token)
    assert (answer.status, answer.headers["location"]) == (303, f"{served.job}?a=b")
    for to in (
        "//evil.example", "/%5Cevil.example", "https://evil.example/", "evil", "/%0d%0aX:y", "/-/logout", "/%09/x",
    ):  # fmt: skip
        assert browser.ask(f"/-/login?to={to}").headers["location"] == "/", to


def test_a_form_of_another_site_changes_nothing(served: Served) -> None:
    browser = Browser(served.url)
    assert browser.send("/-/login", token=served.token).status == 403  # no form of ours was shown before
    assert browser.log_in(served.token).status == 303
    token = form_token(browser.ask("/"))
    for path in POST:
        for fields in ({}, {"form_token": ""}, {"form_token": "0" * 64}):
            assert browser.send(path, token=served.token, **fields).status == 403, path
        plain = browser.ask(path, "POST", body=f"form_token={token}".encode(), Content_Type="text/plain")
        assert plain.status == 415
    assert browser.send("/-/logout", form_token=token, more="x" * 20_000).status == 413
    other = Browser(served.url)
    assert other.log_in(served.token).status == 303
    assert other.send("/-/logout", form_token=token).status == 403  # of another session
    assert browser.ask("/").status == 200 and other.ask("/").status == 200
    bearer = f"Bearer {served.token}"
    assert ask(served.url + "/-/logout", "POST", body=b"", Authorization=bearer).status == 401
    for path in (*served.pages, *served.streams, *served.files):
        assert browser.send(path, form_token=token).status == 405, path


def test_who_logs_out_has_no_session_any_more(served: Served) -> None:
    browser = Browser(served.url)
    browser.log_in(served.token)
    kept = dict(browser.cookies)
    answer = browser.send("/-/logout", form_token=form_token(browser.ask("/")))
    assert (answer.status, answer.headers["location"]) == (303, "/-/login")
    browser.cookies.update(kept)
    assert browser.ask("/").status == 401


def test_a_session_is_no_token_of_an_api(served: Served) -> None:
    browser = Browser(served.url)
    browser.log_in(served.token)
    before = served.site.build()
    organization = "/v2/organizations/local"
    for method, path in (
        ("POST", f"{organization}/pipelines/app/builds"), ("PUT", f"{organization}/pipelines/app/builds/1/cancel"),
        ("PUT", f"{organization}/pipelines/app/builds/1/rebuild"), ("GET", f"{organization}/pipelines/app/builds"),
        ("DELETE", f"{organization}/jobs/{served.job.rpartition('/')[2]}/log"),
        ("POST", "/v3/register"), ("GET", "/v3/ping"),
    ):  # fmt: skip
        assert browser.ask(path, method, body=b"{}", Content_Type="application/json").status == 401, path
    assert served.site.build() == before and len(served.site.rest("/builds")) == 1


def test_streams_without_a_login_take_no_place_of_others(served: Served) -> None:
    host, port = str(urlsplit(served.url).hostname), int(urlsplit(served.url).port or 0)
    strangers = [socket.create_connection((host, port), 30) for _ in range(130)]
    try:
        for stranger in strangers:
            stranger.sendall(b"GET /-/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert {stranger.recv(12) for stranger in strangers} == {b"HTTP/1.1 401"}
        assert ask(served.url + "/-/live", Authorization=f"Bearer {served.token}").status == 200
    finally:
        for stranger in strangers:
            stranger.close()


class Followed:
    """An event stream that is read until it ends."""

    def __init__(self, browser: Browser, path: str) -> None:
        self._connection = http.client.HTTPConnection(str(urlsplit(browser.url).netloc), timeout=60)
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        self._connection.request("GET", path, headers={"Cookie": cookies})
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200 and self._answer.readline() == b"retry: 2000\n"

    def rest(self) -> bytes:
        return self._answer.read()


def test_a_token_that_is_replaced_ends_sessions_links_and_streams(site: Any, archive: str) -> None:
    own = site()
    browser = Browser(own.url)
    browser.ask(own.login_url)
    old = Path(own.api_token).read_text().strip()
    link = login_url(archive, own.folder / "data").out.strip()
    stream = Followed(browser, "/-/live")
    assert browser.ask("/").status == 200
    Path(own.api_token).write_text("bkua_" + "1" * 64 + "\n")
    assert browser.ask("/").status == 401 and Browser(own.url).ask(link).status == 401
    assert ask(own.url + "/", Authorization=f"Bearer {old}").status == 401
    assert ask(own.url + "/v2/user", Authorization=f"Bearer {old}").status == 401
    own.create(PIPELINE)  # something to tell, which the stream's reader must not hear of
    assert b"changed" not in stream.rest()
    assert browser.ask(login_url(archive, own.folder / "data").out.strip()).status == 303
    assert browser.ask("/").status == 200
    os.unlink(own.api_token)
    assert browser.ask("/").status == 401
    assert own.rest("/builds") and old not in Path(own.api_token).read_text()  # a new one was made


def test_a_session_and_a_link_end_with_the_server(site: Any, archive: str) -> None:
    own = site()
    browser = Browser(own.url)
    link = login_url(archive, own.folder / "data").out.strip()
    (cookie,) = browser.ask(own.login_url).cookies
    assert own.server.end() == 0
    done = login_url(archive, own.folder / "data")
    assert done.status == 1 and "no server runs on the data folder" in done.err and done.out == ""
    own.restart(own.url.partition("//")[2])
    assert browser.ask("/").status == 401 and browser.ask(link).status == 401
    (other,) = browser.ask(own.login_url).cookies
    assert attributes(cookie)[0] != attributes(other)[0] and browser.ask("/").status == 200


def test_a_server_that_was_killed_is_not_taken_for_one_that_runs(site: Any, archive: str) -> None:
    own = site()
    own.server.signal(signal.SIGKILL)
    own.server.wait()
    heard: List[bytes] = []
    with socket.socket() as thief:  # a program of another user on the port that is free now
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", int(own.url.rpartition(":")[2])))
        thief.listen()
        done = login_url(archive, own.folder / "data")
        assert done.status == 1 and done.text.count("\n") == 1 and "no server runs" in done.err
        made = own.create(PIPELINE)
        thief.setblocking(False)
        try:
            heard.append(thief.accept()[0].recv(1000))
        except BlockingIOError:
            pass
    assert made.status == 0 and made.out.startswith("Build 1: ") and heard == []


def test_what_has_no_running_server_has_no_link(site: Any, archive: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir(mode=0o700)
    own = site()
    (tmp_path / "link").symlink_to(own.folder / "data")
    cases = [("none", "does not exist"), ("file", "is a link or a file"), ("link", "is a link or a file"),
             ("empty", "no server runs on the data folder")]  # fmt: skip
    if os.geteuid() == 0:
        os.chown(own.folder / "data", 65534, 65534)
        cases.append(("own/data", "belongs to another user"))
    for name, said in cases:
        done = login_url(archive, tmp_path / name)
        assert done.status == 1 and said in done.err and done.text.count("\n") == 1 and name in done.err, done.text
    assert sorted(os.listdir(tmp_path / "empty")) == [] and not (tmp_path / "none").exists()
    done = bkagent(archive, "server", "login-url", cwd=tmp_path)
    assert done.status == 1 and "Missing data folder" in done.err
    if os.geteuid() == 0:
        os.chown(own.folder / "data", 0, 0)


def test_open_pages_can_be_read_here_and_nothing_more(site: Any, archive: str) -> None:
    own = site("--open-pages")
    assert "Every user of this machine can read" in own.server.said and "token=" not in own.server.said
    own.create(PIPELINE)
    for path in ("/", "/local/app/builds/1", "/-/live"):
        answer = ask(own.url + path, Accept="text/html")
        assert answer.status == 200 and b"<form" not in answer.body
    assert "form-action 'none'" in ask(own.url + "/").headers["content-security-policy"]
    assert login_url(archive, own.folder / "data").out == own.url + "/\n"
    token = Path(own.api_token).read_text().strip()
    browser = Browser(own.url)
    assert browser.ask("/-/login").status == 303 and browser.ask("/-/login?token=x").cookies == []
    for path in POST:
        answer = browser.send(path, token=token, form_token="0" * 64)
        assert answer.status == 403 and "--open-pages" in answer.text and answer.cookies == []
    assert ask(own.url + "/v2/organizations/local/builds").status == 401
    assert ask(own.url + "/v3/ping").status == 401
    for header in ("X_Forwarded_For", "Forwarded", "Via", "X_Real_Ip"):
        assert ask(own.url + "/", **{header: "127.0.0.1"}).status == 403
    for host, status in (
        ("localhost", 200), ("LOCALHOST:1", 200), ("[::1]:80", 200), ("127.8.9.1", 200), ("evil.example", 403),
        ("127.0.0.1.evil.example", 403), ("localhost.evil.example:80", 403), ("::1", 403), ("[::1", 403),
        ("10.0.0.1", 403), ("a@127.0.0.1", 400), (own.url.partition("//")[2] + ".", 403),
    ):  # fmt: skip
        assert ask(own.url + "/", Host=host).status == status, host


@pytest.mark.parametrize(
    "flags, said",
    [
        (("--open-pages", "--listen", "0.0.0.0:0"), 'with --open-pages, not "0.0.0.0:0" (flag --listen)'),
        (("--open-pages", "--listen", "[::]:0"), "loopback"),
        (("--open-pages", "--listen", "0:0"), "loopback"),
        (("--open-pages", "--listen", "ci.example:0"), "loopback"),
        (("--open-pages=maybe",), "open-pages"),
        (("--url", "ci.example"), "the url must be an http:// or https:// URL"),
        (("--url", "ftp://ci.example"), "the url must be an http:// or https:// URL"),
        (("--url", "http://"), "the url must be an http:// or https:// URL"),
        (("--url", "http://ci.example:x"), "the url cannot be read"),
        (("--url", "https://me:secret@ci.example"), "without user, query and fragment"),
        (("--url", "https://ci.example/?a"), "without user, query and fragment"),
        (("--url", "https://ci.example/#a"), "without user, query and fragment"),
    ],
)
def test_wrong_options_are_one_sentence(archive: str, tmp_path: Path, flags: Tuple[str, ...], said: str) -> None:
    done = bkagent(archive, "server", "--data", str(tmp_path / "data"), *flags, cwd=tmp_path)
    assert done.status == 1 and said in done.err and done.err.count("fatal") == 1, done.text
    assert "Traceback" not in done.text and "secret" not in done.text and not (tmp_path / "data").exists()


class ByHand:
    """The calls of an agent and of a REST client, each with headers of the test's choice."""

    def __init__(self, site: Site, url: str, **headers: str) -> None:
        self._site, self.url, self._headers = site, url, headers
        self._token = Path(site.agent_token).read_text().strip()

    def agent(self, method: str, path: str, document: Any = None) -> Any:
        body = None if document is None else json.dumps(document).encode()
        answer = ask(f"{self.url}/v3{path}", method, body=body, Authorization=f"Token {self._token}", **self._headers)
        assert answer.status < 300, answer.text
        return json.loads(answer.body)

    def rest(self, path: str) -> Answered:
        bearer = "Bearer " + Path(self._site.api_token).read_text().strip()
        return ask(f"{self.url}/v2/organizations/local{path}", Authorization=bearer, **self._headers)

    def artifact(self) -> Any:
        """Run the waiting job up to an artifact; return what the server said of where that goes and lies."""
        registration = {"name": "a", "hostname": "h", "arch": "amd64", "version": "3.138.3", "meta_data": []}
        self._token = self.agent("POST", "/register", registration)["access_token"]
        self.agent("POST", "/connect", {})
        job = self.agent("GET", "/ping")["job"]["id"]
        accepted = self.agent("PUT", f"/jobs/{job}/accept", {})
        self._token = accepted.get("token") or self._token
        self.agent("PUT", f"/jobs/{job}/start", {"started_at": "2026-01-01T00:00:00Z"})
        made = self.agent("POST", f"/jobs/{job}/artifacts", {"artifacts": [{"path": "a", "file_size": 1}]})
        (artifact,) = made["artifact_ids"]
        path = made["per_artifact_instructions"][artifact]["action"]["path"]
        form = (
            b'--x\r\nContent-Disposition: form-data; name="data"\r\n\r\na\r\n--x\r\n'
            b'Content-Disposition: form-data; name="file"; filename="a"\r\n\r\n1\r\n--x--\r\n'
        )
        sent = ask(self.url + path, "POST", body=form, Content_Type="multipart/form-data; boundary=x")
        assert sent.status < 300, sent.text
        self.agent("PUT", f"/jobs/{job}/artifacts", {"artifacts": [{"id": artifact, "state": "finished"}]})
        search = self.agent("GET", f"/builds/{accepted['env']['BUILDKITE_BUILD_ID']}/artifacts/search?query=a")
        return [made, search, accepted["env"]["BUILDKITE_BUILD_URL"]]

    def origins(self) -> Set[str]:
        """Return what the absolute URLs of every kind begin with that the server answers with."""
        texts = [json.dumps(self.artifact())]
        for path in ("/pipelines/app/builds/1", "/agents", "/pipelines", "/builds?per_page=1", "/pipelines/app/builds"):
            answer = self.rest(path)
            texts += [answer.text, answer.headers.get("link", "")]
        listed = json.loads(self.rest("/pipelines/app/builds/1/artifacts").body)
        download = self.rest(listed[0]["download_url"].partition("/local")[2])
        assert download.status == 302
        texts += [json.dumps(listed), download.headers["location"]]
        urls = [url for text in texts for url in re.findall(r"https?://[^\"<>;, ]+", text)]
        assert len(urls) > 20 and any("/-/artifacts/" in url for url in urls) and any("page=2" in url for url in urls)
        return {"://".join(urlsplit(url)[:2]) for url in urls}


LIES = {"Host": "evil.example:80", "X_Forwarded_Host": "evil.example", "X_Forwarded_Proto": "https"}
TWO_BUILDS = "steps: [{command: 'true'}]"


def test_absolute_urls_come_from_the_option(site: Any) -> None:
    own = site("--url", "https://ci.example/")
    assert own.url == "https://ci.example" and own.login_url.startswith("https://ci.example/-/login?token=")
    local = (own.folder / "data" / "server.url").read_text().strip()
    assert own.create(TWO_BUILDS).out == "Build 1: https://ci.example/local/app/builds/1\n"
    own.create(TWO_BUILDS)
    assert ByHand(own, local, **LIES).origins() == {"https://ci.example"}
    answer = ask(local + own.login_url[len(own.url) :], **LIES)
    assert answer.status == 303 and answer.headers["location"] == "/"
    name, said = attributes(answer.cookies[0])
    assert name.startswith("__Host-bkagent_") and {"Secure", "HttpOnly", "Path=/"} <= set(said)


def test_absolute_urls_without_the_option_come_from_where_the_server_listens(site: Any) -> None:
    own = site()
    own.create(TWO_BUILDS)
    own.create(TWO_BUILDS)
    assert ByHand(own, own.url, **LIES).origins() == {own.url}


def test_a_server_at_every_address_names_the_one_that_was_called(site: Any) -> None:
    own = site(listen="0.0.0.0:0")
    own.create(TWO_BUILDS)
    own.create(TWO_BUILDS)
    called = "http://127.0.0.2:" + own.url.rpartition(":")[2]
    assert ByHand(own, called, **LIES).origins() == {called, own.url}  # that of the listening is in the job's variables
    assert "Other machines can reach this server" in own.server.said
