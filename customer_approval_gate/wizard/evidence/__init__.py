from . import (
    customer_approval_erase,
    customer_approval_uninstall,
)
