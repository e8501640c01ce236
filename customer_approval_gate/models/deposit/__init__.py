from . import (
    customer_approval_deposit_mixin,
    account_payment,
)
