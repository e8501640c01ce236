# Odoo's own runner finds what is imported here by name, and nothing else.
from . import test_apps, test_architecture, test_hooks, test_quantities, test_queries
from .account import (
    test_coverage,
    test_invoice,
)
from .approval import (
    test_access,
    test_approval,
    test_approval_change,
    test_approver_links,
    test_approver_strength,
    test_approvers,
    test_attack_table,
    test_attacks,
    test_axe,
    test_content,
    test_dates,
    test_in_person,
    test_layout,
    test_lock,
    test_mails,
    test_page,
    test_page_limits,
    test_portal,
    test_rules,
    test_several_steps,
    test_tours,
    test_visitors,
    test_what_happened,
)
from .delivery import (
    test_delivery,
)
from .deposit import (
    test_deposit,
    test_deposit_asking,
    test_deposit_tours,
    test_payment,
)
from .evidence import (
    test_bundles,
    test_checkpoints,
    test_copies_of_a_state,
    test_database,
    test_database_rules,
    test_evidence,
    test_evidence_attacks,
    test_evidence_export,
    test_evidence_pages,
    test_format_3,
    test_golden,
    test_keys,
    test_ledger,
    test_life_cycle,
    test_verifications,
)
from .sale import (
    test_reinvoice,
)
from .stage import (
    test_contract,
    test_advance,
    test_concurrency,
    test_doors,
    test_engine,
    test_from_amount,
    test_routes,
    test_stage,
)
