# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which models have a part in something: found in the registry, and named nowhere."""

from odoo.exceptions import UserError

KNOWN = "_customer_approval_models"
"""The attribute of a registry that keeps what was found: it has no other place that
lasts as long as it does."""


def models_with(env, mixin):
    """Return all models that have a mixin, without abstract ones, as empty recordsets.

    :param str mixin: its name
    """
    registry = env.registry
    # While addons are loaded, models come.
    known = vars(registry).setdefault(KNOWN, {}) if registry.ready else {}
    if mixin not in known:
        parent = registry[mixin]
        known[mixin] = [
            name
            for name, model in sorted(registry.items())
            if issubclass(model, parent) and not model._abstract
        ]
    return [env[name] for name in known[mixin]]


class GoneDocument:
    """A document whose addon has left: only its key is known, by which its evidence is
    found. What would be said on it is said nowhere."""

    def __init__(self, env, model, document_id):
        self.env = env
        self._name = model
        self.id = document_id
        self.ids = [document_id]

    def with_context(self, *_args, **_kwargs):
        return self

    with_env = with_context

    def check_access(self, _operation):
        """
        :raise UserError: always
        """
        raise UserError(
            self.env._(
                "The addon that asked about documents like this is not installed any "
                "more. What was asked and answered is on the request."
            )
        )

    def message_post(self, **_kwargs):
        """There is no conversation any more."""

    def _close_for_staff(self, *_topics):
        """There is no list of things to do any more."""

    def _schedule_for_staff(self, *_args, **_kwargs):
        return self.env["mail.activity"]

    def _get_sender(self):
        return self.env.company.email_formatted

    def _is_staff(self, user):
        return user.active and not user.share


def find_document(env, model, document_id, mixin="customer.approval.subject.mixin"):
    """Return a record that evidence is about, or a ``GoneDocument`` where no addon
    makes it one any more.

    :param str model: the name of its model
    :param str mixin: what makes it one
    """
    known = env.registry.get(model)
    if known is None or not issubclass(known, env.registry[mixin]):
        return GoneDocument(env, model, document_id)
    return env[model].browse(document_id)
