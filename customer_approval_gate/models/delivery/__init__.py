from . import (
    customer_approval_event,
    customer_approval_stage,
    customer_approval_delivery_kind,
    customer_approval_delivery,
    customer_approval_delivered_mixin,
)
