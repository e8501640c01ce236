from . import answer_form, in_person, portal, portal_list, thread
