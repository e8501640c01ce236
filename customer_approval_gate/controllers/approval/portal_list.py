# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo import http
from odoo.fields import Domain
from odoo.http import request

from odoo.addons.portal.controllers.portal import CustomerPortal, pager as portal_pager

from ...tools.ledger import DECISIONS
from .answer_form import guarded, render


class CustomerApprovalList(CustomerPortal):
    """The requests of a customer who is logged in."""

    def _prepare_home_portal_values(self, counters):
        values = super()._prepare_home_portal_values(counters)
        if "customer_approval_count" in counters:
            Request = request.env["customer.approval.request"]
            values["customer_approval_count"] = (
                Request.search_count(self._get_approvals_domain("open"))
                if Request.has_access("read")
                else 0
            )
        return values

    def _get_approvals_domain(self, filterby):
        # Staff have a portal too, and may read other customers' requests elsewhere.
        partner = request.env.user.partner_id
        own = Domain("partner_id", "child_of", partner.commercial_partner_id.id)
        own |= Domain(
            "approver_ids",
            "any!",  # portal users may not read them
            Domain("partner_id", "=", partner.id)
            & Domain("state", "not in", ("removed", "passed_on")),
        )
        return {
            "all": own,
            "open": own & Domain("state", "=", "pending"),
            "answered": own & Domain("state", "in", DECISIONS),
        }.get(filterby, own)

    def _get_approvals_sortings(self):
        return {
            "date": {
                "label": request.env._("Newest"),
                "order": "requested_on desc, id",
            },
            "deadline": {
                "label": request.env._("Answer by"),
                "order": "deadline, id desc",
            },
            "name": {"label": request.env._("Document"), "order": "document_name, id"},
        }

    def _get_approvals_filters(self):
        return {
            "all": {"label": request.env._("All"), "domain": []},
            "open": {"label": request.env._("To review"), "domain": []},
            "answered": {"label": request.env._("Answered"), "domain": []},
        }

    def _get_approvals_inputs(self):
        return {
            "document_name": {
                "input": "document_name",
                "label": request.env._("Search in Document"),
            },
            "name": {"input": "name", "label": request.env._("Search in Number")},
        }

    @http.route(
        ["/my/approvals", "/my/approvals/page/<int:page>"],
        type="http",
        auth="user",
        website=True,
        readonly=True,
    )
    @guarded
    def portal_my_approvals(
        self, page=1, sortby=None, filterby=None, search=None, search_in=None, **kwargs
    ):
        """List the requests of the customer who is logged in.

        :param sortby: ``date``, ``deadline`` or ``name``
        :param filterby: ``all``, ``open`` or ``answered``
        :param search: text to look for
        :param search_in: ``document_name`` or ``name``
        """
        Request = request.env["customer.approval.request"]
        sortings = self._get_approvals_sortings()
        filters = self._get_approvals_filters()
        inputs = self._get_approvals_inputs()
        sortby = sortby if sortby in sortings else "date"
        filterby = filterby if filterby in filters else "all"
        search_in = search_in if search_in in inputs else "document_name"
        domain = self._get_approvals_domain(filterby)
        search = (search or "").replace("\x00", "")
        if search:
            domain &= Domain(search_in, "ilike", search)
        allowed = Request.has_access("read")
        pager = portal_pager(
            url="/my/approvals",
            url_args={
                "sortby": sortby,
                "filterby": filterby,
                "search": search,
                "search_in": search_in,
            },
            total=Request.search_count(domain) if allowed else 0,
            page=page,
            step=self._items_per_page,
        )
        requests = Request.browse()
        if allowed:
            requests = Request.search(
                domain,
                order=sortings[sortby]["order"],
                limit=self._items_per_page,
                offset=pager["offset"],
            )
        values = self._prepare_portal_layout_values()
        values.update(
            {
                "requests": requests,
                "page_name": "customer_approval",
                "pager": pager,
                "default_url": "/my/approvals",
                "searchbar_sortings": sortings,
                "sortby": sortby,
                "searchbar_filters": filters,
                "filterby": filterby,
                "searchbar_inputs": inputs,
                "search_in": search_in,
                "search": search,
            }
        )
        return render("portal_my_approvals", values)
