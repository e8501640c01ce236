# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import base64
import io
import zipfile

from PIL import Image
from psycopg2.errors import CheckViolation

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged
from odoo.tools import SQL, mute_logger

from ...tools import capability, ledger
from ...tools.event_data import Delivery
from ..common import SIGNATURE, ApprovalCommon, BrowserCase

PIXEL = base64.b64decode(SIGNATURE)


class DeliveryCommon(ApprovalCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.production.requires_customer_approval = False
        cls.order = cls._create_order(
            order_line=[
                Command.create({"product_id": cls.product.id, "product_uom_qty": 2}),
                Command.create({"display_type": "line_note", "name": "By lorry"}),
                Command.create(
                    {"product_id": cls.service_product.id, "product_uom_qty": 5}
                ),
            ]
        )
        cls.goods, _note, cls.work = cls.order.order_line
        cls.order.action_confirm()
        cls.kind = cls.env.ref("customer_approval_gate.delivery_kind_goods")

    def _confirm(self, quantities, order=None, **values):
        order = order or self.order
        values = {
            "kind": self.kind,
            "name": "Rita Receiver",
            "method": "staff",
            "quantities": {line.id: number for line, number in quantities.items()},
            **values,
        }
        Row = self.env["customer.approval.delivery"].sudo()
        return Row._record(order.sudo(), Delivery(**values))

    def _event(self, row):
        return row.sudo().event_id


@tagged("post_install", "-at_install")
class TestDelivery(DeliveryCommon):
    def test_partial_confirmations_add_up(self):
        self.assertEqual(self.order.delivery_confirmation, "none")
        self._confirm({self.goods: 2})
        self.order.invalidate_recordset()
        self.assertEqual(self.order.delivery_confirmation, "partial")
        self._confirm({self.work: 3})
        with self._refused("2 .* are left to confirm, not 3"):
            self._confirm({self.work: 3})
        self._confirm({self.work: 2})
        self.order.invalidate_recordset()
        self.assertEqual(self.order.delivery_confirmation, "full")
        with self._refused("is confirmed already"):
            self._confirm({self.work: 1})

    def test_what_is_kept(self):
        row = self._confirm(
            {self.goods: 1.5},
            present=True,
            remarks="<b>Scratch</b> on the left",
            place="Gate 3",
            position=("48.10000", "11.50000"),
            signature=SIGNATURE,
            photos=(("door.png", PIXEL),),
        )
        event = self._event(row)
        self.assertEqual(event.kind, "delivery_confirmed")
        self.assertTrue(event.seal)
        self.assertEqual(
            [(line["quantity"], line["ordered"]) for line in event.details["lines"]],
            [("1.5", "2")],
        )
        self.assertEqual(row.received_by, "Rita Receiver")
        self.assertEqual(row.place, "Gate 3, 48.10000 11.50000")
        self.assertEqual(row.remarks, "<b>Scratch</b> on the left")
        self.assertTrue(row.signature)
        self.assertEqual(row.attachment_ids.raw, PIXEL)
        self.assertShows("Goods delivered", self.order.message_ids[0].body)
        Event = self.env["customer.approval.event"]
        self.assertFalse(Event._verify_document(self.order))

    def test_form(self):
        row = self._confirm(
            {self.goods: 1}, signature=SIGNATURE, photos=(("door.png", PIXEL),)
        )
        row = row.with_user(self.salesperson)
        view = row.get_views([(False, "form"), (False, "list")])
        names = view["models"][row._name]["fields"]
        # Odoo's widget of pictures asks for the date as well.
        values = row.web_read({name: {} for name in [*names, "write_date"]})[0]
        self.assertEqual(values["received_by"], "Rita Receiver")

    def test_large_photos_stay_what_they_were(self):
        buffer = io.BytesIO()
        Image.new("RGB", (4000, 3000), (90, 60, 30)).save(buffer, "JPEG")
        row = self._confirm({self.goods: 1}, photos=(("door.jpg", buffer.getvalue()),))
        self.assertEqual(row.attachment_ids.raw, buffer.getvalue())
        Event = self.env["customer.approval.event"]
        self.assertFalse(Event._verify_document(self.order))

    def test_whole_numbers_stay_what_they_are(self):
        precision = self.env.ref("uom.decimal_product_uom", False) or self.env[
            "decimal.precision"
        ].search([("name", "=", "Product Unit")])
        precision.digits = 0
        self.env.registry.clear_cache()
        order = self._create_order()
        order.order_line.product_uom_qty = 100
        order.action_confirm()
        row = self._confirm({order.order_line: 10}, order)
        self.assertEqual(row.lines[0]["quantity"], "10")
        self.assertEqual(row.lines[0]["ordered"], "100")

    def test_what_is_missing_is_told(self):
        for values, message in (
            ({"quantities": {}}, "at least one item"),
            ({"quantities": {self.goods: -1}}, "are left to confirm"),
            ({"name": " "}, "who received it"),
            ({"kind": self.kind.browse()}, "what is confirmed"),
            ({"photos": (("a.html", b"<html>"),)}, "cannot be taken"),
            ({"photos": (("a.pdf", b"%PDF-1.4"),)}, "is no photo"),
            ({"photos": (("a.png", PIXEL),) * 11}, "10 photos at most"),
        ):
            with self._refused(message):
                quantities = values.pop("quantities", {self.goods: 1})
                self._confirm(quantities, **values)
        draft = self._create_order()
        with self._refused("is not confirmed"):
            self._confirm({draft.order_line: 1}, draft)
        self.assertFalse(self.order.delivery_ids)

    def test_lines_of_other_orders_count_nothing(self):
        other = self._create_order()
        with self._refused("at least one item"):
            self._confirm({other.order_line: 1})

    def test_goes_on_when_all_is_confirmed(self):
        self.production.write(
            {
                "auto_advance_stage_id": self.delivered.id,
                "auto_advance_on": "delivery_confirmed",
            }
        )
        self._confirm({self.goods: 2})
        self.assertEqual(self.order.stage_id, self.production)
        self._confirm({self.work: 5})
        self.assertEqual(self.order.stage_id, self.delivered)

    def test_blocked_it_keeps_the_confirmation(self):
        self.production.write(
            {
                "auto_advance_stage_id": self.delivered.id,
                "auto_advance_on": "delivery_confirmed",
            }
        )
        self.delivered.requires_customer_approval = True
        row = self._confirm({self.goods: 2, self.work: 5})
        self.assertTrue(row.exists())
        self.assertEqual(self.order.stage_id, self.production)
        self.assertEqual(self.order.advance_stage_id, self.delivered)
        self._bring_to_status(self.order, "approved")
        self.assertEqual(self.order.stage_id, self.delivered)

    def test_entering_a_stage_when_all_is_confirmed_already(self):
        self.ready.write(
            {
                "auto_advance_stage_id": self.delivered.id,
                "auto_advance_on": "delivery_confirmed",
            }
        )
        self._confirm({self.goods: 2, self.work: 5})
        self.order.stage_id = self.ready
        self.assertEqual(self.order.stage_id, self.delivered)

    def test_invoice(self):
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.partner.id,
                "invoice_line_ids": [
                    Command.create({"name": "Work", "quantity": 2, "price_unit": 10})
                ],
            }
        )
        invoice.action_post()
        self._confirm({invoice.invoice_line_ids: 2}, invoice)
        self.assertEqual(invoice.delivery_confirmation, "full")

    # Nobody writes them

    def test_only_the_page_makes_them(self):
        Row = self.env["customer.approval.delivery"].sudo()
        with self.assertRaises(AccessError):
            Row._record(self.order, {"name": "forged"})
        with self.assertRaises(UserError):
            Row.create({"name": "forged"})
        row = self._confirm({self.goods: 1})
        with self.assertRaises(UserError):
            row.write({"document_name": "x"})
        with self.assertRaises(UserError):
            row.unlink()
        for query in (
            "UPDATE customer_approval_delivery SET kind_id = NULL",
            "DELETE FROM customer_approval_delivery",
        ):
            with (
                mute_logger("odoo.sql_db"),
                self.assertRaises(CheckViolation) as catcher,
                self.env.cr.savepoint(),
            ):
                self.env.cr.execute(query)
            self.assertIn("neither changed nor deleted", str(catcher.exception))

    def test_verify_finds_what_was_altered(self):
        row = self._confirm({self.goods: 1}, photos=(("door.png", PIXEL),))
        Event = self.env["customer.approval.event"]
        with self._without_triggers("customer_approval_delivery"):
            self.env.cr.execute(
                "UPDATE customer_approval_delivery SET confirmed_on = '2020-01-01'"
                " WHERE id = %s",
                [row.id],
            )
        self.env.invalidate_all()
        self.assertIn("was altered", " ".join(Event._verify_document(self.order)))
        with self._refused("kept as evidence"):
            row.attachment_ids.unlink()
        with capability.hold(self.env, capability.Erasing()):
            row.attachment_ids.unlink()
        self.assertIn("its photos", " ".join(Event._verify_document(self.order)))
        with self._without_triggers("customer_approval_delivery"):
            self.env.cr.execute("DELETE FROM customer_approval_delivery")
        self.env.invalidate_all()
        problems = " ".join(Event._verify_document(self.order))
        self.assertIn("its confirmation was deleted", problems)

    def test_every_column_is_of_its_event(self):
        self._confirm({self.goods: 1}, photos=(("door.png", PIXEL),))
        other = self._create_order(partner_id=self.partner.copy().id)
        columns = {
            "document_name": "Other",
            "partner_id": other.partner_id.id,
            "company_id": self.env["res.company"].create({"name": "Other"}).id,
            "name": "DEL/9",
        }
        verify = self.env["customer.approval.event"]._verify_document
        self.assertEqual(verify(self.order), [])
        for name, value in columns.items():
            with self.subTest(name), self.env.cr.savepoint() as savepoint:
                with self._without_triggers("customer_approval_delivery"):
                    self.env.cr.execute(
                        SQL(
                            "UPDATE customer_approval_delivery SET %s = %s",
                            SQL.identifier(name),
                            value,
                        )
                    )
                self.env.invalidate_all()
                self.assertIn("was altered", " ".join(verify(self.order)))
                savepoint.close(rollback=True)
                self.env.invalidate_all()
        for change in (
            "name = 'window.png'",
            "type = 'url', url = 'https://e.example'",
        ):
            with self.subTest(change), self.env.cr.savepoint() as savepoint:
                self.env.cr.execute(
                    SQL(
                        f"UPDATE ir_attachment SET {change}"
                        " WHERE res_model = 'customer.approval.delivery'"
                    )
                )
                self.env.invalidate_all()
                self.assertIn("its photos", " ".join(verify(self.order)))
                savepoint.close(rollback=True)
                self.env.invalidate_all()

    def test_a_second_row_of_the_same_event(self):
        row = self._confirm({self.goods: 1})
        other = self._create_order()
        verify = self.env["customer.approval.event"]._verify_document
        self.env.cr.execute("DROP INDEX customer_approval_delivery_event_uniq")
        with self._without_triggers("customer_approval_delivery"):
            self.env.cr.execute(
                "INSERT INTO customer_approval_delivery (name, res_model, res_id,"
                " document_name, partner_id, company_id, kind_id, event_id,"
                " confirmed_on) SELECT 'DEL/99', res_model, %s, document_name,"
                " partner_id, company_id, kind_id, event_id, confirmed_on"
                " FROM customer_approval_delivery WHERE id = %s",
                [other.id, row.id],
            )
        self.env.invalidate_all()
        found = self.env["customer.approval.delivery"].sudo()._find_evidence_problems()
        self.assertIn("is about the same event", " ".join(found))
        self.assertIn("is about no event", " ".join(verify(other)))

    def test_the_same_number_twice(self):
        """Whoever may edit sequences can have a number given again."""
        self._bring_to_status(self.order, "pending")
        sequence = self.env["ir.sequence"].search(
            [("code", "=", "customer.approval.delivery")]
        )
        number = sequence.number_next_actual
        photos = [("door.png", PIXEL), ("gate.png", PIXEL + b"x")]
        for photo in photos:
            sequence.number_next_actual = number
            self._confirm({self.goods: 1}, photos=(photo,))
        self.env.flush_all()
        bundle = self.order.customer_approval_request_id.sudo()._make_bundle()
        with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        self.assertEqual(ledger.check_bundle(files.__getitem__, list(files))[1], [])

    def test_erasure(self):
        row = self._confirm({self.goods: 1}, signature=SIGNATURE, place="Gate 3")
        Event = self.env["customer.approval.event"].sudo()
        capability.call(Event._erase_personal, self.order, "On request")
        self.env.invalidate_all()
        self.assertFalse(row.received_by)
        self.assertFalse(row.signature)
        self.assertFalse(row.place)
        self.assertEqual(row.lines_text[:1], "1")
        self.assertFalse(Event._verify_document(self.order))

    def test_bundle(self):
        self._bring_to_status(self.order, "pending")
        self._confirm({self.goods: 1}, photos=(("door.png", PIXEL),))
        bundle = self.order.customer_approval_request_id.sudo()._make_bundle()
        names = zipfile.ZipFile(io.BytesIO(bundle)).namelist()
        self.assertTrue([name for name in names if name.endswith("door.png")])

    def test_right(self):
        other = new_test_user(self.env, "reader", "account.group_account_readonly")
        with self._refused("You may not confirm deliveries", AccessError):
            self.order.with_user(other).sudo(False)._check_delivery_right()
        action = self.order.with_user(self.salesperson).action_confirm_delivery()
        self.assertEqual(action["url"], f"/my/deliveries/sale_order/{self.order.id}")


@tagged("post_install", "-at_install")
class TestDeliveryPage(BrowserCase, DeliveryCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.portal = new_test_user(cls.env, "delivery_portal", "base.group_portal")
        cls.portal.partner_id.parent_id = cls.partner
        cls.url = f"/my/deliveries/sale_order/{cls.order.id}"

    def _post(self, url=None, files=None, **values):
        data = {
            "csrf_token": self._csrf(),
            "kind_id": self.kind.id,
            "name": "Rita Receiver",
            f"quantity_{self.goods.id}": "2",
            **values,
        }
        with mute_logger("odoo.http"):
            return self.url_open(f"{url or self.url}/confirm", data=data, files=files)

    def test_a_form_that_is_sent_again_counts_once(self):
        """The page that said it was done was not shown."""
        self.env.flush_all()
        self.authenticate(self.salesperson.login, self.salesperson.login)
        for _time in range(2):
            response = self._post(form_key="the same", **{self._quantity(): "1"})
            self.assertIn("confirmed=", response.url)
        self._post(form_key="another", **{self._quantity(): "1"})
        self.env.invalidate_all()
        self.assertEqual(len(self.order.delivery_ids), 2)

    def _quantity(self):
        return f"quantity_{self.goods.id}"

    def _csrf(self):
        page = self.url_open(self.url).text
        marker = 'name="csrf_token" value="'
        if marker not in page:
            return ""
        return page.split(marker)[1].split('"')[0]

    def test_staff(self):
        self.authenticate("approval_salesperson", "approval_salesperson")
        response = self._post(
            present="1",
            remarks="<script>alert(1)</script>",
            latitude="48.1",
            longitude="11.5",
            files={"photos": ("door.png", PIXEL, "image/png")},
        )
        self.assertEqual(response.status_code, 200)
        self.assertShows("Confirmed as DEL/", response)
        row = self.order.delivery_ids
        self.assertEqual(row.user_id, self.salesperson)
        self.assertEqual(row.place, "48.1 11.5")
        self.assertEqual(len(row.attachment_ids), 1)
        photo = self.url_open(f"/my/deliveries/{row.id}/photos/{row.attachment_ids.id}")
        self.assertEqual(photo.headers["Content-Type"], "image/png")
        certificate = self.url_open(f"/my/deliveries/{row.id}/certificate")
        self.assertEqual(certificate.status_code, 200)
        self.assertRunsNothing(certificate)
        self.assertShows("Rita Receiver", certificate)
        verify = self.url_open(f"/approval/verify/{row._get_verification_code()}")
        self.assertShows("Genuine", verify)
        self.assertShowsNot("Rita", verify)

    def test_customer(self):
        self.authenticate("delivery_portal", "delivery_portal")
        page = self.url_open(f"/my/orders/{self.order.id}").text
        self.assertLinks(self.url, page)
        self._post()
        row = self.order.delivery_ids
        self.assertEqual(row.event_id.method, "portal")
        self.assertEqual(row.user_id, self.portal)
        self.assertTrue(row.customer_present)
        self.assertEqual(
            self.url_open(f"/my/deliveries/{row.id}/certificate").status_code, 200
        )

    def test_wrong_numbers(self):
        self.authenticate("approval_salesperson", "approval_salesperson")
        for typed in ("lots", "nan", "inf", "-1", "3", "1e400"):
            response = self._post(**{f"quantity_{self.goods.id}": typed})
            self.assertEqual(response.status_code, 422, typed)
            self.assertHas(response, "alert-danger")
        self.assertFalse(self.order.delivery_ids)
        self._post(**{f"quantity_{self.goods.id}": "0,5"})
        self.assertEqual(self.order.delivery_ids.lines[0]["quantity"], "0.5")

    def test_others(self):
        row = self._confirm({self.goods: 1}, photos=(("door.png", PIXEL),))
        photo = row.attachment_ids.id
        urls = (
            self.url,
            f"/my/deliveries/{row.id}/certificate",
            f"/my/deliveries/{row.id}/photos/{photo}",
        )
        new_test_user(self.env, "delivery_stranger", "base.group_portal")
        reader = new_test_user(self.env, "delivery_reader", "base.group_user")
        for login in (None, "delivery_stranger", reader.login):
            self.authenticate(login, login)
            for url in urls:
                with self.subTest(login=login, url=url), mute_logger("odoo.http"):
                    response = self.url_open(url)
                    self.assertShowsNot("Rita Receiver", response)
                    self.assertTrue(
                        response.status_code in (403, 404)
                        or "/web/login" in response.url
                    )
        self.authenticate("delivery_stranger", "delivery_stranger")
        with mute_logger("odoo.http"):
            self._post()
        self.assertEqual(len(self.order.delivery_ids), 1)

    def test_wrong_addresses(self):
        self.authenticate("approval_salesperson", "approval_salesperson")
        for url in (
            "/my/deliveries/res.users/1",
            "/my/deliveries/sale_order/0",
            "/my/deliveries/0/certificate",
        ):
            with mute_logger("odoo.http"):
                self.assertEqual(self.url_open(url).status_code, 404, url)

    def test_tours(self):
        self._tour(
            f"/odoo/sales/{self.order.id}",
            "customer_approval_delivery_button",
            login=self.salesperson.login,
        )
        self.browser_size = "390x844"
        self.touch_enabled = True
        self._tour(self.url, "customer_approval_delivery", login=self.salesperson.login)
        self.assertEqual(self.order.delivery_confirmation, "full")
        self.assertEqual(self.order.delivery_ids.remarks, "Left at the gate")
