from . import answer_form, in_person, portal, sale_portal, thread, verification
