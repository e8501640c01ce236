from . import (
    customer_approval_delivery,
)
