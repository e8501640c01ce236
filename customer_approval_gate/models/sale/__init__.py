from . import (
    customer_approval_order_deposit_mixin,
    customer_approval_change_order_mixin,
    customer_approval_own_page_mixin,
    sale_order,
    sale_order_line,
    customer_approval_stage_action,
    payment_transaction,
    product_attribute_custom_value,
)
