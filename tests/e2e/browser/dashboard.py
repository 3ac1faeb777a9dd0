"""Drives the pages of a running gateway in Debian's Chromium, and reads what they show."""

import json
import os
import re
import shutil
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, Playwright, expect

from gateway import ADMIN_KEY

ROOT = Path(__file__).resolve().parents[3]
AXE = ROOT / "build/node/node_modules/axe-core/axe.min.js"
SCREENSHOTS = ROOT / "build/screenshots"
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
# What axe-core says of a fault; below that it is advice.
GRAVE = ("serious", "critical")


def start_chromium(playwright: Playwright) -> Browser:
    """Fails where it is missing: pages that nobody looks at are not tested."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "Chromium is missing: tools/setup test"
    # Without a sandbox where it runs as root, as in a container.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=program, args=[*arguments, "--disable-gpu"])


class Dashboard:
    """One person's browser at one gateway's pages. What the console says goes to `complaints`."""

    def __init__(self, page: Page, port: int):
        self.page, self.port = page, port
        self.complaints: list[str] = []
        page.set_default_timeout(10_000)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))

    def _note(self, message):
        # An answer that is no 2xx is said by the browser itself; whether it is right the test asserts.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(f"{message.type}: {message.text}")

    def open(self, path: str = "/"):
        self.page.goto("about:blank")  # or else an address that differs behind its '#' would not be loaded anew
        self.page.goto(f"http://127.0.0.1:{self.port}{path}")
        return self

    def log_in(self, username: str, password: str):
        self.page.get_by_label("User name").fill(username)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.page.get_by_role("button", name="Log in", exact=True).click()

    def enter(self, **credentials):
        """Logs in without the page: with `username` and `password`, or else with the admin key."""
        answer = self.page.request.post(f"http://127.0.0.1:{self.port}/api/v1/session",
                                        data=credentials or {"admin_key": ADMIN_KEY})
        assert answer.status == 200, answer.text()
        return self

    def heading(self, text: str):
        self.page.get_by_role("heading", level=1, name=text, exact=True).wait_for()

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def card(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=name, exact=True)

    def table(self, name: str) -> Locator:
        return self.page.get_by_role("group", name=name, exact=True)

    def settled(self):
        """Until nothing is being fetched for the first time. (A page without a heading has not begun yet.)"""
        self.page.get_by_role("heading", level=1).wait_for()
        expect(self.page.get_by_label("Loading", exact=True)).to_have_count(0)
        expect(self.page.get_by_text("…", exact=True)).to_have_count(0)
        if self.page.locator("figure").count():
            expect(self.page.locator("figure .recharts-surface").first).to_be_visible()

    def faults(self) -> list[str]:
        """What axe-core finds grave on the page as it is now."""
        self.page.evaluate(AXE.read_text() + "; undefined")
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        where = lambda one: "; ".join(node["html"][:200] for node in one["nodes"][:3])
        return [f"{one['id']} ({one['impact']}): {one['help']}: {where(one)}"
                for one in found["violations"] if one["impact"] in GRAVE]

    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        # A phone's window grows with what is too wide for it, and shows it smaller.
        return self.page.evaluate("document.documentElement.scrollWidth") - self.page.viewport_size["width"]

    def picture(self, name: str):
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


@contextmanager
def dashboard(browser: Browser, port: int, *, dark: bool = False, width: str = "desktop"):
    """A browser of its own, with no cookie: somewhere at UTC+5:45, so that a zone that is forgotten shows."""
    columns, rows = WIDTHS[width]
    context = browser.new_context(viewport={"width": columns, "height": rows}, locale="en-GB",
                                  timezone_id="Asia/Kathmandu", color_scheme="dark" if dark else "light",
                                  is_mobile=width == "phone", has_touch=width == "phone")
    try:
        yield Dashboard(context.new_page(), port)
    finally:
        context.close()


DOLLARS = re.compile(r"\s*(−?)\$([\d,]+\.\d+)\s*")


def amount(place: Locator) -> Decimal:
    """The dollars that a page shows at `place`, "$1,234.50", once it shows them: while they are fetched it is "…"."""
    expect(place).to_have_text(re.compile(f"^{DOLLARS.pattern}$"))
    sign, digits = DOLLARS.fullmatch(place.inner_text()).groups()
    return Decimal(digits.replace(",", "")) * (-1 if sign else 1)
