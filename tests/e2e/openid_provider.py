"""Runs a certified OpenID provider (node/openid_provider.mjs), and goes through its pages as a browser does."""
import http.cookiejar
import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlencode, urljoin

from clients import NODE_FOLDER, ROOT
from gateway import free_port

CLIENT, SECRET = "metergate", "a long secret: /+&= and more of it"


def node() -> str:
    """The provider wants a newer Node than Debian's; the pages are built with one."""
    found = sorted(ROOT.glob("build/node22/node_modules/node-linux-*/bin/node"))
    return str(found[0]) if found else "node"


class OpenIdProvider:
    def __init__(self, redirect_uri: str, people: dict, **client):
        self.port = free_port()
        self.issuer = f"http://localhost:{self.port}"
        self.told = {"port": self.port, "client_id": CLIENT, "client_secret": SECRET, "redirect_uri": redirect_uri,
                     "people": people, "client": client}

    def start(self):
        shutil.copy(Path(__file__).parent / "node/openid_provider.mjs", NODE_FOLDER)
        self.process = subprocess.Popen([node(), "openid_provider.mjs", json.dumps(self.told)], cwd=NODE_FOLDER,
                                        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        self.wait_for("ready")
        return self

    def wait_for(self, word: str):
        """Among what the provider has to say besides."""
        for line in self.process.stdout:
            if line.strip() == word:
                return
        raise AssertionError("the provider has ended")

    def has(self, people: dict):
        self.process.stdin.write(json.dumps(people) + "\n")
        self.process.stdin.flush()
        self.wait_for("heard")

    def stop(self):
        self.process.kill()
        self.process.communicate()

    def settings(self, redirect_uri: str, more: str = "") -> str:
        """`oidc` of a gateway that lets people in by it."""
        return (f"oidc: {{ label: Acme, issuer: '{self.issuer}', client_id: {CLIENT}, client_secret: '{SECRET}', "
                f"redirect_uri: '{redirect_uri}', scopes: [openid, email, groups]{more} }}\n")


class Browser:
    """Follows redirects by hand, keeps cookies, and fills the provider's forms."""

    def __init__(self, gateway_url: str):
        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_):
                return None
        self.gateway_url = gateway_url
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies), Stay)

    def ask(self, url: str, form: dict | None = None) -> tuple[int, str, str]:
        """Status, where it leads, and what it says."""
        try:
            reply = self.opener.open(url, urlencode(form).encode() if form else None, timeout=20)
        except urllib.error.HTTPError as error:
            reply = error
        with reply:
            return reply.status, reply.headers.get("Location", ""), reply.read().decode()

    def go_out(self, return_to: str = "/") -> str:
        """Where the gateway sends who wants to log in."""
        status, location, _ = self.ask(f"{self.gateway_url}/api/auth/oidc?{urlencode({'return_to': return_to})}")
        assert status in (302, 303), status
        return location

    def come_back(self, url: str, who: str) -> str:
        """Through the provider's pages, as `who`: the address with which it sends the browser back."""
        for _ in range(20):
            status, location, page = self.ask(url)
            while status in (302, 303):
                url = urljoin(url, location)
                if url.startswith(self.gateway_url):
                    return url
                status, location, page = self.ask(url)
            action, prompt = re.search(r'action="([^"]+)"', page), re.search(r'name="prompt" value="([^"]+)"', page)
            assert action and prompt, page[:500]
            form = {"prompt": prompt[1], "login": who, "password": "any"}
            status, location, page = self.ask(urljoin(url, action[1]), form)
            assert status == 303, page[:500]
            url = urljoin(url, location)
        raise AssertionError("the provider does not come to an end")

    def log_in(self, who: str, return_to: str = "/") -> str:
        """The page that is shown in the end."""
        back = self.come_back(self.go_out(return_to), who)
        status, location, _ = self.ask(back)
        assert status == 303
        return location

    def session(self) -> dict | None:
        status, _, body = self.ask(f"{self.gateway_url}/api/v1/session")
        return json.loads(body) if status == 200 else None
