# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


def find_lang(env, *codes):
    """Return the first of these languages that is active: one that was switched off
    makes Odoo fail. Without any, the reader's own or English.

    :param codes: codes of languages, or nothing
    """
    languages = env["res.lang"]
    for code in (*codes, env.context.get("lang"), env.user.lang):
        if code and languages._get_data(code=code):
            return code
    return "en_US"
