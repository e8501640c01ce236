# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo import api, fields, models

from ...tools import ledger

LEAVES_AT_ONCE = 5000


class CustomerApprovalNode(models.Model):
    """The tree over all events, as of RFC 6962: its leaves, in the order in which
    checkpoints took them, and its complete nodes, by which proofs are made."""

    _name = "customer.approval.node"
    _inherit = ["customer.approval.insert.only.mixin"]
    _log_access = False
    _description = "Node of the Tree of Customer Approval Events"
    _rec_name = "hash"

    level = fields.Integer(required=True, readonly=True)
    number = fields.Integer(required=True, readonly=True)
    hash = fields.Char(required=True, readonly=True)
    # No reference: Verify says which event was deleted.
    event_id = fields.Integer(readonly=True, help="Of a leaf.")

    _place_uniq = models.UniqueIndex("(level, number)")
    _event_uniq = models.UniqueIndex("(event_id) WHERE level = 0")

    @api.model
    def _read_node(self, level, number):
        """Return the hash of a node."""
        self.env.cr.execute(
            "SELECT hash FROM customer_approval_node WHERE level = %s AND number = %s",
            [level, number],
        )
        return self.env.cr.fetchone()[0]

    @api.model
    def _get_tree(self):
        """Return the tree as it is."""
        self.env.cr.execute(
            "SELECT COALESCE(max(number) + 1, 0) FROM customer_approval_node"
            " WHERE level = 0"
        )
        return ledger.Tree.of(self.env.cr.fetchone()[0], self._read_node)

    @api.model
    def _grow(self):
        """Add all events that are in the database and not in the tree. Those of
        transactions that are going on come next time, whatever their numbers.

        :return: the tree
        """
        tree, last = self._get_tree(), 0
        while True:
            self.env.cr.execute(
                """
                SELECT id, hash FROM customer_approval_event AS event
                 WHERE id > %s AND NOT EXISTS (
                       SELECT FROM customer_approval_node
                        WHERE event_id = event.id AND level = 0
                       )
              ORDER BY id LIMIT %s
                """,
                [last, LEAVES_AT_ONCE],
            )
            rows = self.env.cr.fetchall()
            if not rows:
                return tree
            nodes = []
            for event_id, event_hash in rows:
                nodes += [
                    (level, number, node, None if level else event_id)
                    for level, number, node in tree.append(ledger.leaf_hash(event_hash))
                ]
            self.env.cr.execute(
                "INSERT INTO customer_approval_node (level, number, hash, event_id)"
                " SELECT * FROM unnest(%s::int[], %s::int[], %s::text[], %s::int[])",
                [list(column) for column in zip(*nodes, strict=True)],
            )
            last = rows[-1][0]

    @api.model
    def _read_leaves(self, first, limit):
        """Return leaves in order, with the hashes of their events: ``(number, hash,
        hash of the event or None)``."""
        self.env.cr.execute(
            """
            SELECT node.number, node.hash, event.hash
              FROM customer_approval_node AS node
         LEFT JOIN customer_approval_event AS event ON event.id = node.event_id
             WHERE node.level = 0 AND node.number >= %s
          ORDER BY node.number LIMIT %s
            """,
            [first, limit],
        )
        return self.env.cr.fetchall()

    @api.model
    def _find_wrong_nodes(self):
        """Return which nodes are not those of what is below them: all in PostgreSQL."""
        self.env.cr.execute(
            """
            SELECT node.level, node.number
              FROM customer_approval_node AS node
         LEFT JOIN customer_approval_node AS first
                ON first.level = node.level - 1 AND first.number = node.number * 2
         LEFT JOIN customer_approval_node AS second
                ON second.level = node.level - 1 AND second.number = node.number * 2 + 1
             WHERE node.level > 0
               AND node.hash IS DISTINCT FROM encode(sha256(
                   '\\x01'::bytea || decode(first.hash, 'hex')
                   || decode(second.hash, 'hex')
                   ), 'hex')
          ORDER BY 1, 2 LIMIT 1
            """
        )
        problems = [
            f"node {row[0]}/{row[1]} of the tree was altered"
            for row in self.env.cr.fetchall()
        ]
        self.env.cr.execute(
            "SELECT level, count(*), max(number) + 1 FROM customer_approval_node"
            " GROUP BY level"
        )
        found = {row[0]: row[1:] for row in self.env.cr.fetchall()}
        leaves = found.get(0, (0, 0))[1]
        for level in {*range(leaves.bit_length()), *found}:
            # As many as there are leaves for, one after the other.
            wanted = leaves >> level
            if found.get(level, (0, 0)) != (wanted, wanted):
                problems.append(f"nodes of level {level} of the tree were deleted")
        return problems
