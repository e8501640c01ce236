from . import (
    customer_approval_invoice_money_mixin,
    account_move_line,
    account_move,
)
