from . import (
    account_move,
    customer_approval_mixin,
    customer_approval_stage,
    customer_approval_staged_mixin,
    res_company,
    res_config_settings,
    sale_order,
    sale_order_line,
    stock_move,
    stock_picking,
)
