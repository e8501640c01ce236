# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which models have a part in something: found in the registry, and named nowhere."""

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
    found."""

    def __init__(self, model, document_id):
        self._name = model
        self.id = document_id
        self.ids = [document_id]


def find_document(env, model, document_id, mixin="customer.approval.subject.mixin"):
    """Return a record that evidence is about, or a ``GoneDocument`` where no addon
    makes it one any more.

    :param str model: the name of its model
    :param str mixin: what makes it one
    """
    known = env.registry.get(model)
    if known is None or not issubclass(known, env.registry[mixin]):
        return GoneDocument(model, document_id)
    return env[model].browse(document_id)
