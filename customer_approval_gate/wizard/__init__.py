from . import customer_approval_in_person, customer_approval_send
