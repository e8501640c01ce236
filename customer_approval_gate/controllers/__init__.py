from . import (
    answer_form,
    delivery,
    in_person,
    portal,
    sale_portal,
    thread,
    verification,
)
