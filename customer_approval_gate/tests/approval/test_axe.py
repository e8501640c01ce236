# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import os
import pathlib
import unittest

from odoo.tests import (
    new_test_user,
    tagged,
)
from odoo.tools import mute_logger

from ...tools import capability, links
from .test_page import LOGIN, PNG, PageCommon

AXE = """
(async () => {
    %s
    // The conversation comes later.
    const chatter = document.querySelector(".o_portal_chatter");
    for (let n = 0; chatter && !chatter.children.length && n < 100; n++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const result = await axe.run(document, {resultTypes: ["violations"]});
    const found = result.violations
        .filter(({impact}) => ["serious", "critical"].includes(impact))
        .map(({id, nodes}) => `${id}: ${nodes.map((n) => n.html).join(" | ")}`);
    if (found.length) {
        console.error("axe: " + found.join("\\n"));
    } else {
        console.log("test successful");
    }
})();
"""


READY = """document.readyState === "complete" && !!document.querySelector("main")"""


@tagged("post_install", "-at_install")
@unittest.skipUnless(os.environ.get("AXE_CORE"), "AXE_CORE says where axe-core is")
class TestAxe(PageCommon):
    """What people with disabilities meet: nothing serious or critical, on every page
    and in every state."""

    browser_size = "390x844"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.axe = pathlib.Path(os.environ["AXE_CORE"]).read_text(encoding="utf-8")

    def _check(self, path, login=None, ready=READY):
        self.env.flush_all()
        self.env.cr.execute("DELETE FROM customer_approval_rate")
        with self.subTest(path.split("?")[0]), mute_logger("odoo.http"):
            self.browser_js(path, AXE % self.axe, ready, login=login, timeout=60)

    def _path(self, approver):
        url = links.url_of(approver)
        return url[url.index("/my/") :]

    def test_to_answer(self):
        self.order.company_id.write(
            {"customer_approval_signature": True, "customer_approval_code": True}
        )
        order = self._create_optional_order()
        request = self._ask(order, self.people, rule="all", message="Hello")
        self._check(self._path(request.approver_ids[0]))

    def test_with_files_and_changes(self):
        self._visit()
        self.order.order_line[0].price_unit = 120
        attachments = self.env["ir.attachment"].create(
            [{"name": "plan.png", "raw": PNG}]
        )
        request = self.order._open_customer_approval(
            self.ada, attachments=attachments, mail=False
        ).sudo()
        self._check(self._path(request.approver_ids))

    def test_answers_chosen(self):
        for answer in ("approved", "approved_conditions", "rejected"):
            self.env.flush_all()
            code = (
                f"document.querySelector('#answer_{answer}').click();" + AXE % self.axe
            )
            with self.subTest(answer), mute_logger("odoo.http"):
                self.browser_js(self._path(self.approver), code, READY, timeout=60)

    def test_answered(self):
        for decision in ("approved", "approved_conditions", "rejected"):
            order = self._create_order(partner_id=self.ada.id)
            request = self._ask(order, self.ada)
            self._answer(request, self.ada, decision)
            self._check(self._path(request.approver_ids))

    def test_ends_without_an_answer(self):
        old = self._path(self.approver)
        capability.call(self.request._withdraw, "A mistake")
        self._check(self._path(self.approver))
        with mute_logger("odoo.http"):
            self.assertEqual(self.url_open(old).status_code, 410)
        self._check("/approval/verify")
        request = self._ask(rule="order")
        self._check(self._path(self._approver(request, self.bob)))
        capability.call(request._expire)
        self._check(self._path(self._approver(request, self.ada)))

    def test_verification(self):
        self._answer(self.request, self.ada)
        code = self.request._get_verification_code()
        self._check(f"/approval/verify/{code}")

    def test_by_login(self):
        user = new_test_user(self.env, "approval_ada", "base.group_portal")
        user.partner_id = self.ada
        self._check("/my/approvals", login="approval_ada")
        self._check(f"/my/approvals/{self.request.id}", login="approval_ada")

    def test_in_person(self):
        self._check(f"/customer_approval/in_person/{self.request.id}", login=LOGIN)
        self._answer(self.request, self.ada)
        self._check(f"/customer_approval/in_person/{self.request.id}", login=LOGIN)
