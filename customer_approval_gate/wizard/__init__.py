from . import (
    customer_approval_erase,
    customer_approval_in_person,
    customer_approval_revise,
    customer_approval_send,
)
