"""A Chromium that tests drive by its DevTools protocol; axe-core in it where the variable AXE_CORE names axe.min.js."""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, _NAMES)), None)
AXE = os.environ.get("AXE_CORE", "")
KEYS = {"Tab": 9, "Enter": 13, " ": 32, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Escape": 27}
PATIENCE_S = 120


class Tab:
    """A page; `faults` are what its console said and what it could not load."""

    def __init__(self, socket):
        self._socket, self._number, self.faults = socket, 0, []
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        """Call a method of the protocol; what it answers."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(PATIENCE_S))
            self._note(message)
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]

    def _note(self, message):
        name, params = message.get("method"), message.get("params", {})
        if name == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.faults.append(str(params["args"]))
        elif name == "Runtime.exceptionThrown":
            self.faults.append(str(params["exceptionDetails"]))
        elif name == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.faults.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")

    def run(self, script):
        """Give the value of an expression, or of its promise."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait(self, condition):
        """Wait until an expression is true."""
        end = time.monotonic() + PATIENCE_S
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < end, f"{condition} does not come true: {self.run('document.body.innerText')}"
            time.sleep(0.1)

    def open(self, address, width=1440, dark=False):
        """Go to an address in a window of a width, px."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=address)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def press(self, key, times=1):
        """Press a key."""
        text = {"Enter": "\r", " ": " "}.get(key, key if len(key) == 1 else None)
        about = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS.get(key, ord(key.upper()[0]))}
        for _ in range(times):
            self.call("Input.dispatchKeyEvent", type="keyDown", **about, **({"text": text} if text else {}))
            self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def type(self, text):
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    def choose(self, selector, paths):
        """Choose files in a field for them."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in paths])

    def drag(self, begin, end):
        """Drag with the mouse between two points of the window."""
        mouse = {"button": "left", "buttons": 1, "clickCount": 1}
        for kind, (x, y) in (("mousePressed", begin), ("mouseMoved", end), ("mouseReleased", end)):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **mouse)

    def picture(self, path):
        """Write a PNG of the whole page."""
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        Path(path).write_bytes(base64.b64decode(data))

    def serious(self):
        """What axe-core finds that is serious or critical; nothing where there is no axe-core."""
        if not AXE:
            return []
        self.run(Path(AXE).read_text(encoding="utf-8") + ";0")
        found = self.run("axe.run().then((found) => found.violations)")
        return [
            (one["id"], one["help"], [node["html"][:100] for node in one["nodes"]])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]

    def too_wide(self):
        """By how many px the page is wider than its window."""
        return self.run("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@contextlib.contextmanager
def browser(folder):
    """Start Chromium with a profile of its own; a tab."""
    from websockets.sync.client import connect

    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    options = ["--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"]
    with subprocess.Popen([*command, *options], stderr=subprocess.DEVNULL) as process:
        try:
            file, end = Path(folder) / "DevToolsActivePort", time.monotonic() + PATIENCE_S
            while not (file.is_file() and file.read_text().count("\n")):
                assert time.monotonic() < end, "Chromium did not start"
                time.sleep(0.1)
            port = file.read_text().split()[0]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=PATIENCE_S) as answer:
                pages = [one for one in json.load(answer) if one["type"] == "page"]
            with connect(pages[0]["webSocketDebuggerUrl"], max_size=None, proxy=None) as socket:
                yield Tab(socket)
        finally:
            process.terminate()
