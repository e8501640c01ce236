# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What is new in format 3: RFC 8785, blocks, the tree of RFC 6962, keys."""

import hashlib

import rfc8785
from hypothesis import given, settings, strategies as st

from odoo import fields
from odoo.tests import BaseCase, tagged

from ...tools import blocks, ledger
from ...tools.content import difference, is_same_scope
from ..account.test_invoice import InvoiceCommon
from ..common import ApprovalCommon

TEXT = st.text(st.characters(blacklist_categories=("Cs",)), max_size=8)
PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), TEXT, st.integers(-ledger.MOST, ledger.MOST)),
    lambda part: st.one_of(
        st.lists(part, max_size=4), st.dictionaries(TEXT, part, max_size=4)
    ),
    max_leaves=12,
)
quick = settings(max_examples=300, deadline=None, database=None)

# Of RFC 6962's reference implementation: leaves and the roots of the first 1, 2, …
LEAVES = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    bytes.fromhex("5051525354555657"),
    bytes.fromhex("606162636465666768696a6b6c6d6e6f"),
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# Proofs of the same: index or old size, size, path.
INCLUSION = [
    (0, 8, ["96a296d2", "5f083f0a", "6b47aaf2"]),
    (5, 8, ["bc1a0643", "ca854ea1", "d37ee418"]),
    (2, 3, ["fac54203"]),
    (1, 5, ["6e340b9c", "5f083f0a", "bc1a0643"]),
]
CONSISTENCY = [
    (1, 8, ["96a296d2", "5f083f0a", "6b47aaf2"]),
    (6, 8, ["0ebc5d34", "ca854ea1", "d37ee418"]),
    (2, 5, ["5f083f0a", "bc1a0643"]),
]


@tagged("post_install", "-at_install")
class TestRfc8785(BaseCase):
    @quick
    @given(PLAIN)
    def test_as_an_independent_implementation(self, value):
        self.assertEqual(ledger.rfc8785(value), rfc8785.dumps(value))

    def test_characters(self):
        for text in ("é", "\u2028", "\x7f", "\x1f", '"\\/', "\U0001f600", "\ud7ff"):
            with self.subTest(repr(text)):
                self.assertEqual(ledger.rfc8785(text), rfc8785.dumps(text))

    def test_keys_are_ordered_by_utf_16(self):
        value = {"\U0001f600": 1, "\ufb33": 2, "a": 3}
        self.assertEqual(ledger.rfc8785(value), rfc8785.dumps(value))

    def test_what_is_refused(self):
        for value in (1.5, 2**53, -(2**53), "\ud800", {1: 2}, object()):
            with self.subTest(repr(value)), self.assertRaises(TypeError):
                ledger.rfc8785(value)

    def test_scope_is_written_so(self):
        """The bytes of scope are put together by hand."""
        content = {
            "header": {"partner": {"id": 3, "text": "Ada"}, "terms": "Straße", "a": ""},
            "lines": [{"line_id": 1, "kind": "product", "description": "é"}],
            "totals": {"total": "1.00"},
        }
        plain = {
            "header": {"partner": 3, "terms": "Straße"},
            "lines": [{"kind": "product", "description": "é"}],
            "totals": {"total": "1.00"},
        }
        self.assertEqual(
            ledger.scope_digest(content),
            f"3:{hashlib.sha256(rfc8785.dumps(plain)).hexdigest()}",
        )

    def test_what_comes_later_is_no_new_format(self):
        """A field that requests of before do not have, and one that is empty."""
        row = {"name": "CA1", "reason": "Too dear", "conditions": None}
        later = {**row, "insurance": None}
        names = ("name", "reason", "conditions")
        self.assertEqual(
            ledger.filled(row, names), ledger.filled(later, (*names, "insurance"))
        )


@tagged("post_install", "-at_install")
class TestTree(BaseCase):
    def _grow(self, leaves):
        tree, nodes = ledger.Tree(), {}
        roots = [tree.root()]
        for leaf in leaves:
            for level, number, node in tree.append(ledger.leaf_hash(leaf)):
                nodes[level, number] = node
            roots.append(tree.root())
        return roots, lambda level, number: nodes[level, number]

    def test_vectors(self):
        roots, node = self._grow(LEAVES)
        self.assertEqual(roots[0], hashlib.sha256(b"").hexdigest())
        self.assertEqual(roots[1:], ROOTS)
        for index, size, path in INCLUSION:
            found = ledger.inclusion_proof(index, size, node)
            self.assertEqual([part[:8] for part in found], path)
        for old, new, path in CONSISTENCY:
            found = ledger.consistency_proof(old, new, node)
            self.assertEqual([part[:8] for part in found], path)

    def test_all_proofs(self):
        count = 40
        roots, node = self._grow(map(str, range(count)))
        for size in range(1, count + 1):
            self.assertEqual(ledger.part_hash(0, size, node), roots[size])
            self.assertEqual(ledger.Tree.of(size, node).root(), roots[size])
            for index in range(size):
                leaf = node(0, index)
                path = ledger.inclusion_proof(index, size, node)
                self.assertLessEqual(len(path), 6)
                self.assertTrue(
                    ledger.is_included(leaf, index, size, path, roots[size])
                )
                for wrong in (path[1:], [*path, leaf], path[::-1]):
                    if wrong != path:
                        self.assertFalse(
                            ledger.is_included(leaf, index, size, wrong, roots[size])
                        )
                other = (index + 1) % size
                if other != index:
                    self.assertFalse(
                        ledger.is_included(leaf, other, size, path, roots[size])
                    )
            for old in range(1, size + 1):
                path = ledger.consistency_proof(old, size, node)
                args = (old, size, roots[old], roots[size])
                self.assertTrue(ledger.is_consistent(*args, path))
                self.assertFalse(ledger.is_consistent(*args, [*path, roots[1]]))
                if path:
                    self.assertFalse(ledger.is_consistent(*args, path[:-1]))
                    self.assertFalse(
                        ledger.is_consistent(
                            old, size, roots[old - 1], roots[size], path
                        )
                    )


@tagged("post_install", "-at_install")
class TestBlocks(ApprovalCommon):
    def _read(self, document):
        self.env.flush_all()
        document = document.sudo()
        return document._get_customer_approval_content()[document.id]

    def test_blocks_carry_their_labels(self):
        order = self._create_order()
        order.note = "Oak, as seen"
        order.payment_term_id = self.env.ref("account.account_payment_term_30days")
        order.commitment_date = "2026-12-24 10:00:00"
        content = self._read(order.with_context(lang="en_US"))
        kinds = [block["kind"] for block in content["blocks"]]
        self.assertEqual(kinds, ["parties", "lines", "values", "text"])
        labels = blocks.labels_of(content)
        self.assertEqual(labels["payment_term"], ("Payment terms", "record"))
        self.assertEqual(labels["delivery_date"], ("Delivery date", "moment"))
        self.assertEqual(labels["terms"], ("Terms", "text"))
        html = self.env["customer.approval.request"]._render_content(
            content, order.currency_id, "en_US", "UTC"
        )
        for text in ("Oak, as seen", "Payment terms", "Delivery date", "(UTC)"):
            self.assertShows(text, html)

    def test_a_block_that_nobody_knows(self):
        """Another addon's block is shown, compared, and part of the scope."""
        content = self._read(self._create_order())
        values = next(b for b in content["blocks"] if b["kind"] == "values")
        item = {"key": "warranty", "label": "Warranty", "format": "text"}
        values["values"].append({**item, "value": "5 years"})
        changed = self._read(self._create_order())
        html = self.env["customer.approval.request"]._render_content(
            content, self.env.company.currency_id, "en_US", "UTC"
        )
        self.assertShows("Warranty", html)
        self.assertShows("5 years", html)
        self.assertIn("warranty", difference(changed, content)["header"])
        self.assertNotEqual(ledger.scope_digest(changed), ledger.scope_digest(content))

    def test_compared_is_what_is_frozen(self):
        """What the gate reads from rows is what was frozen with all its texts."""
        order = self._create_order()
        order.note = "<p>Oak &amp; ash</p>"
        content = self._read(order)
        rows = order.sudo()._read_approval_scopes()[order.id]
        self.assertEqual(ledger.scope_digest(content), ledger.scope_digest(rows))
        self.assertTrue(is_same_scope(content, rows))

    def test_no_content_any_more(self):
        order = self._create_order()
        request = self._bring_to_status(order, "approved")
        order.client_order_ref = "4711"
        order.date_order = "2027-01-01 00:00:00"
        self.assertIn(order, order._filter_customer_approved())
        self.assertNotIn("customer_reference", ledger.flat(request.content)["header"])

    def test_another_street_is_another_place(self):
        order = self._create_order()
        partner = order.partner_shipping_id
        partner.write({"street": "1 Main Street", "city": "Ghent"})
        self._bring_to_status(order, "approved")
        partner.name = "Another name"
        partner.phone = "+32 470 12 34 56"
        self.assertIn(order, order._filter_customer_approved())
        partner.street = "2 Side Street"
        self.assertNotIn(order, order._filter_customer_approved())
        partner.street = "1 Main Street"
        self.assertIn(order, order._filter_customer_approved())


@tagged("post_install", "-at_install")
class TestBlocksOfInvoices(InvoiceCommon):
    def test_compared_is_what_is_frozen(self):
        invoice = self.invoice.sudo()
        content = invoice._get_customer_approval_content()[invoice.id]
        rows = invoice._read_approval_scopes()[invoice.id]
        self.assertEqual(ledger.scope_digest(content), ledger.scope_digest(rows))

    def test_no_content_any_more(self):
        self._bring_to_status(self.invoice, "approved")
        self.invoice.ref = "4711"
        self.invoice.payment_reference = "Other"
        self.assertIn(self.invoice, self.invoice._filter_customer_approved())

    def test_what_an_invoice_says(self):
        term = self.env.ref("account.account_payment_term_30days")
        no_date = {"invoice_date": False}
        for values, change in (
            ({}, {"invoice_incoterm_id": self.env.ref("account.incoterm_EXW").id}),
            ({}, {"delivery_date": "2027-01-01"}),
            (
                {
                    "invoice_date": False,
                    "invoice_payment_term_id": False,
                    "invoice_date_due": "2027-01-31",
                },
                {"invoice_date_due": "2026-12-01"},
            ),
            # Thirty days are thirty days, and not from long ago.
            (
                {**no_date, "invoice_payment_term_id": term.id},
                {"invoice_date": "2026-01-01"},
            ),
        ):
            invoice = self._create_draft()
            invoice.write(values)
            self._bring_to_status(invoice, "approved")
            with self.subTest(change=change), self._refused("cannot be changed"):
                invoice.write(change)

    def test_more_time_to_pay(self):
        invoice = self._create_draft()
        invoice.write({"invoice_payment_term_id": False, "invoice_date": False})
        invoice.invoice_date_due = "2027-01-31"
        self._bring_to_status(invoice, "approved")
        invoice.invoice_date_due = "2027-03-31"
        self.assertEqual(invoice.customer_approval_status, "approved")
        self.assertIn(invoice, invoice._filter_customer_approved())

    def test_posting_gives_an_invoice_its_dates(self):
        for term in (self.env.ref("account.account_payment_term_30days"), False):
            invoice = self._create_draft()
            invoice.invoice_date = False
            invoice.invoice_payment_term_id = term
            self._bring_to_status(invoice, "approved")
            invoice.action_post()
            self.assertEqual(invoice.state, "posted")
            self.assertIn(invoice, invoice._filter_customer_approved())
            self.assertEqual(invoice.invoice_date, fields.Date.context_today(invoice))
