from . import (
    customer_approval_stage,
    customer_approval_deposit_mixin,
    customer_approval_invoice_money_mixin,
    account_payment,
)
