from . import (
    customer_approval_address,
    customer_approval_change,
    customer_approval_record,
    customer_approval_refuse_proposal,
    customer_approval_revise,
    customer_approval_send,
    customer_approval_withdraw,
)
