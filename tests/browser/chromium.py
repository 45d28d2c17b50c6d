"""Headless Chromium: pages from the disk, what they request, say and look like."""

from __future__ import annotations

import io
import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Drawing

AXE = Path(__file__).with_name("axe.min.js")

_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--hide-scrollbars",
    "--window-size=900,700",
)


def missing() -> str:
    """Why tests cannot run here; empty if they can."""
    for name in ("chromium", "chromedriver"):
        if shutil.which(name) is None:
            return f"{name} is not installed: apt-get install chromium chromium-driver"
    return ""


class Browser:
    """A browser with one page at a time."""

    def __init__(self) -> None:
        webdriver = pytest.importorskip("selenium.webdriver")
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        for each in _OPTIONS:
            options.add_argument(each)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        self.driver: Any = webdriver.Chrome(options=options, service=service)
        self.driver.set_script_timeout(120)

    def open(self, page: Path | str, *, dark: bool = False, width: int = 900) -> None:
        """Open a page from the disk or of a server, in a window of some width in pixels."""
        media = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce"},  # clicks wait for no scrolling
        ]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
        size = {"width": width, "height": 700, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.driver.get(page if isinstance(page, str) else page.absolute().as_uri())

    def run(self, script: str, *arguments: object) -> Any:
        """What a script returns."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition: str) -> None:
        """Wait until a JavaScript expression is true, for as long as it takes up to minutes."""
        end = time.monotonic() + 300
        while not self.run(f"return Boolean({condition})"):
            assert time.monotonic() < end, condition
            time.sleep(0.1)

    def find(self, selector: str) -> Any:
        """The first element of a CSS selector."""
        return self.driver.find_element("css selector", selector)

    def texts(self, selector: str) -> list[str]:
        """The texts of elements."""
        found: list[str] = self.run(
            "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector
        )
        return found

    def type(self, selector: str, value: object) -> None:
        """Set the value of a control, as people do."""
        self.run(
            "const e = document.querySelector(arguments[0]); e.value = arguments[1];"
            "e.dispatchEvent(new Event('input', {bubbles: true}))",
            selector,
            str(value),
        )

    def picture(self, selector: str) -> npt.NDArray[np.uint8]:
        """How an element looks once what is due is drawn, (height, width, 3)."""
        frames = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
        self.driver.execute_async_script(frames)
        shot = io.BytesIO(self.find(selector).screenshot_as_png)
        return np.asarray(Drawing.open(shot).convert("RGB"))

    def complaints(self) -> list[str]:
        """What the console says since the page was opened."""
        return [each["message"] for each in self.driver.get_log("browser")]

    def requested(self) -> set[str]:
        """The addresses that the page asked for, without those of what it has inside."""
        found = set()
        for each in self.driver.get_log("performance"):
            message = json.loads(each["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                address = message["params"]["request"]["url"]
                if not address.startswith(("data:", "blob:")):
                    found.add(address)
        return found

    def barriers(self) -> list[str]:
        """Serious and critical findings of axe-core."""
        self.run(AXE.read_text("utf-8"))
        found = self.driver.execute_async_script(
            "const done = arguments[0];"
            "axe.run({resultTypes: ['violations']}).then(r => done(r.violations.map(v =>"
            "[v.impact, v.id, v.nodes.slice(0, 3).map(n => n.html.slice(0, 99) + n.failureSummary)]"
            ")))"
        )
        return [str(each) for each in found if each[0] in ("serious", "critical")]

    def is_wider_than_the_window(self) -> bool:
        """Whether the page scrolls sideways."""
        found: bool = self.run(
            "return document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        return found
