# Everything is done by devtools/odoo-dev; these are its everyday commands.
# Arguments: make test ARGS="-k portal"

.DEFAULT_GOAL := help
.PHONY: help run test pytest mutate test-install test-core test-apps lint shell psql verify pot stop clean

help: ## show this help
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16
	@echo
	@devtools/odoo-dev help

run: ## Odoo 19 with the addon and demo data, in a browser
	@devtools/odoo-dev run $(ARGS)

test: ## linters, installation tests and all tests: what CI runs
	@devtools/odoo-dev test $(ARGS)

pytest: ## the tests alone
	@devtools/odoo-dev pytest $(ARGS)

test-install: ## install, update, uninstall, reinstall
	@devtools/odoo-dev test-install

mutate: ## small changes to the code: which of them no test notices (half an hour)
	@devtools/odoo-dev mutate $(ARGS)

test-core: ## Odoo's own tests, with the addon and without
	@devtools/odoo-dev test-core $(ARGS)

test-apps: ## flows of other apps, and of OCA's addons, beside ours
	@devtools/odoo-dev test-apps $(ARGS)

lint: ## all linters
	@devtools/odoo-dev lint

shell: ## Odoo's Python shell on the demo database
	@devtools/odoo-dev shell $(ARGS)

psql: ## psql on the demo database
	@devtools/odoo-dev psql $(ARGS)

verify: ## recompute all evidence of the demo database
	@devtools/odoo-dev verify

pot: ## write the translation templates
	@devtools/odoo-dev pot

stop: ## stop Odoo and the private PostgreSQL server
	@devtools/odoo-dev stop

clean: ## remove everything generated
	@devtools/odoo-dev clean
