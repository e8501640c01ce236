"""Uninstalls the addons as an administrator does, in an Odoo shell: by the dialog,
after the evidence was taken away."""

import io

file = io.BytesIO()
env["customer.approval.event"]._write_export(file)
env.cr.commit()
dialog = env["customer.approval.uninstall"].create({"typed_name": env.cr.dbname})
dialog.action_uninstall()
