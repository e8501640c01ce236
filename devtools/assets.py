# Run in Odoo's shell: compiles the web assets that pages of the backend, of the
# portal and of tours use, and keeps them in the database.
qweb = env["ir.qweb"]
for bundle in (
    "web.assets_web",
    "web.assets_frontend",
    "web.report_assets_common",
    "web.report_assets_pdf",
):
    qweb._get_asset_bundle(bundle, css=True, js=False).css()
for bundle in (
    "web.assets_web",
    "web.assets_frontend_minimal",
    "web.assets_frontend_lazy",
    "web.assets_tests",
    "web.__assets_tests_call__",
    "web.report_assets_common",
    "web.report_assets_pdf",
):
    qweb._get_asset_bundle(bundle, css=False, js=True).js()
env.cr.commit()
