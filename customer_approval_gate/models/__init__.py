from . import (
    customer_approval_stage,
    customer_approval_staged_mixin,
    customer_approval_mixin,
    customer_approval_line_mixin,
    customer_approval_request,
    sale_order,
    sale_order_line,
    account_move,
    account_move_line,
    payment_transaction,
    res_company,
    res_config_settings,
)
