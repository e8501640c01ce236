from . import (
    customer_approval_derived_mixin,
    customer_approval_staff_mixin,
    customer_approval_gate_mixin,
    customer_approval_move_mixin,
    customer_approval_advance_mixin,
    customer_approval_blocked_mixin,
    customer_approval_staged_mixin,
    customer_approval_stage_history_mixin,
    customer_approval_stage,
    customer_approval_stage_action,
    customer_approval_failure,
)
