# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""One browser for all tests of a class: to start one, and to load all assets into it,
takes longer than most of what is tried in it."""

from concurrent.futures import Future

from odoo.tests.common import ChromeBrowser


class KeptBrowser(ChromeBrowser):
    """A browser that goes on with the next test, as if it had just been started:
    without cookies, storage, pages."""

    is_kept = False  # or else nothing would end it where it does not start

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.is_kept = True

    def is_usable(self):
        """Return whether the browser is still there for another test."""
        return self.is_kept and self.chrome.poll() is None

    def reuse(self, test_case, success_signal):
        """Get ready for another test.

        :param test_case: the ``HttpCase``
        :param str success_signal: what the console says when all went well
        """
        self.test_case = test_case
        self._logger = test_case._logger
        self.success_signal = success_signal
        self._result = Future()
        self.error_checker = None
        self.had_failure = False
        self._responses.clear()
        self._frames.clear()
        width, height = map(int, test_case.browser_size.replace("x", ",").split(","))
        self._websocket_request(
            "Emulation.setDeviceMetricsOverride",
            params={
                "mobile": False,
                "width": width,
                "height": height,
                "deviceScaleFactor": 1,
            },
        )

    def stop(self):
        """End what the test has left open; the browser itself stays."""
        if not self.is_kept:
            return super().stop()
        try:
            return self._clean()
        except Exception:
            # The next test gets another one.
            self.close()
            raise

    def _clean(self):
        self.screencaster.stop()
        self._websocket_request("Page.stopLoading")
        self._result.cancel()
        self._websocket_request(
            "Runtime.evaluate",
            params={
                "expression": "sessionStorage.clear(); 'serviceWorker' in navigator &&"
                " navigator.serviceWorker.getRegistrations().then("
                "all => Promise.all(all.map(one => one.unregister())))",
                "awaitPromise": True,
            },
        )
        self._websocket_request("Network.clearBrowserCookies")
        self._websocket_request(
            "Storage.clearDataForOrigin",
            params={
                "origin": self.test_case.base_url(),
                # Odoo's worker of the bus goes on writing into the other ones.
                "storageTypes": "local_storage",
            },
        )
        return self._websocket_request("Page.navigate", params={"url": "about:blank"})

    def close(self):
        """Close the browser, whatever state it is in."""
        if self.is_kept:
            self.is_kept = False
            self.stop()
