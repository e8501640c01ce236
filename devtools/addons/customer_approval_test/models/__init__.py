from . import (
    customer_approval_test_document,
    customer_approval_test_job,
    customer_approval_test_milestone,
    customer_approval_test_note,
    customer_approval_test_parcel,
    customer_approval_test_part,
    customer_approval_test_priced,
)
