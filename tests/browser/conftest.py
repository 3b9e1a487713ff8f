"""A real Chromium without a window, and what it complains about."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from support import wants

ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")


class Browser:
    """One window; forgets what it heard with each page that it opens."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, address: str | Path) -> None:
        """Open a page and wait until it is loaded."""
        self.driver.get("about:blank")
        self._log("browser")
        self._log("performance")
        self.driver.get(address.resolve().as_uri() if isinstance(address, Path) else address)

    def run(self, script: str, *arguments: Any) -> Any:
        """Return what JavaScript returns."""
        return self.driver.execute_script(script, *arguments)

    def command(self, name: str, **options: Any) -> dict[str, Any]:
        """Send a command of the DevTools protocol."""
        answer: dict[str, Any] = self.driver.execute_cdp_cmd(name, options)
        return answer

    def size(self, width: int, height: int = 800) -> None:
        """Make the page so many pixels wide; a window alone is never narrower than 500."""
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )

    def scheme(self, name: str) -> None:
        """Prefer light or dark."""
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def console(self) -> list[str]:
        """Return what the console has heard since the page was opened: errors, warnings, breaches of the policy."""
        return [entry["message"] for entry in self._log("browser")]

    def requests(self) -> list[str]:
        """Return the addresses asked for since the page was opened, those inside the page left out."""
        entries = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        sent = [
            entry["params"]["request"]["url"] for entry in entries if entry["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in sent if not url.startswith(("data:", "about:"))]

    def _log(self, name: str) -> list[dict[str, Any]]:
        """Return what a log has heard since it was last asked."""
        entries: list[dict[str, Any]] = self.driver.get_log(name)  # type: ignore[no-untyped-call]
        return entries


@pytest.fixture(scope="session")
def session_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    missing = " and ".join(name for name, path in programs.items() if path is None)
    if missing:
        assert not os.environ.get("CI"), f"{missing} has to be installed in CI"
        pytest.skip(f"{wants.CHROMIUM}: {missing} is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = str(programs["chromium"])
    for argument in (*ARGUMENTS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(programs["chromedriver"]))
    yield Browser(driver)
    driver.quit()


@pytest.fixture
def browser(session_browser: Browser) -> Browser:
    """Return a browser on a wide, light page."""
    session_browser.size(1200)
    session_browser.scheme("light")
    return session_browser
