from . import (
    account_move_line,
    account_move,
    sale_order_line,
)
