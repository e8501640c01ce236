from . import (
    customer_approval_event,
    customer_approval_stage,
    customer_approval_delivery,
)
