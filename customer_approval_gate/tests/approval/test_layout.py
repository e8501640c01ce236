# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How pages are laid out: nothing scrolls sideways, numbers keep their columns."""

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from ...tools import links
from ..common import BrowserCase
from .test_approvers import ApproverCommon

LOGIN = "approval_salesperson"
WIDTHS = (360, 390, 820, 1440)
LONG = "https://example.com/" + "a-very-long-address-without-a-space" * 3
READY = """document.readyState === "complete" && !!document.querySelector("main")"""
# The conversation comes later, and with it what was too wide.
CHECK = """
(async () => {
    const chatter = document.querySelector(".o_portal_chatter");
    for (let n = 0; chatter && n < 100; n++) {
        const root = chatter.querySelector("#chatterRoot")?.shadowRoot;
        if (root?.querySelector(".o-mail-Composer, .o-mail-Thread")) {
            break;
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const {scrollWidth, clientWidth} = document.documentElement;
    const cells = document.querySelectorAll(".o_customer_approval_lines td.text-end");
    const hidden = [...cells].filter((cell) => {
        const {left, right, width} = cell.getBoundingClientRect();
        return width && (left < 0 || right > clientWidth + 1);
    });
    if (scrollWidth > clientWidth) {
        console.error(`${scrollWidth} px on ${clientWidth} px: ${document.title}`);
    } else if (hidden.length) {
        console.error(`numbers out of sight: ${hidden[0].textContent}`);
    } else {
        console.log("test successful");
    }
})();
"""


@tagged("post_install", "-at_install")
class TestLayout(BrowserCase, ApproverCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ada.name = "Ada " + "Lovelace" * 8

    def _create_wide_order(self):
        order = self._create_order(partner_id=self.ada.id, note=LONG)
        order.order_line = [
            Command.create({"display_type": "line_section", "name": LONG}),
            Command.create(
                {
                    "product_id": self.product.id,
                    "name": LONG,
                    "product_uom_qty": 1000,
                    "price_unit": 12345.67,
                }
            ),
        ]
        return order

    def _check(self, url, login=None, widths=WIDTHS):
        for width in widths:
            self.browser_size = f"{width}x800"
            self.touch_enabled = width < 800
            self.env.flush_all()
            self.env.cr.execute("DELETE FROM customer_approval_rate")
            with self.subTest(url.split("?")[0], width=width), mute_logger("odoo.http"):
                self.browser_js(url, CHECK, READY, login=login, timeout=60)

    def _check_pages(self, widths=WIDTHS):
        order = self._create_wide_order()
        request = self._ask(order, self.ada, message=LONG)
        url = links.url_of(request.approver_ids)
        self._check(url[url.index("/my/") :], widths=widths)
        self._check(
            f"/customer_approval/in_person/{request.id}", login=LOGIN, widths=widths
        )
        self._answer(request, self.ada, "changes_requested", reason=LONG)
        order.order_line[0].name = f"{LONG} again"
        request = self._ask(order, self.ada)
        url = links.url_of(request.approver_ids)
        self._check(url[url.index("/my/") :], widths=widths)
        self._check("/my/approvals/999999", widths=widths)
        self._check("/approval/verify", widths=widths)
        self._answer(request, self.ada)
        code = request._get_verification_code()
        self._check(f"/approval/verify/{code}", widths=widths)
        order.action_confirm()
        self._check(f"/my/deliveries/sale_order/{order.id}", login=LOGIN, widths=widths)

    def test_from_the_left(self):
        self._check_pages()

    def test_from_the_right(self):
        self.env["res.lang"]._activate_lang("ar_001")
        self.ada.lang = "ar_001"
        self.salesperson.lang = "ar_001"
        self._check_pages(widths=(360, 1440))
