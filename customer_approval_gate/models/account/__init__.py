from . import (
    account_move_line,
    customer_approval_coverage_mixin,
    account_move,
    sale_order_line,
)
