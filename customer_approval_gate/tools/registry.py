# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

"""Which models have a part in something: found in the registry, and named nowhere."""


def models_with(env, mixin):
    """Return all models that have a mixin, without abstract ones, as empty recordsets.

    :param str mixin: its name
    """
    parent = env.registry[mixin]
    return [
        env[name]
        for name, model in sorted(env.registry.items())
        if issubclass(model, parent) and not model._abstract
    ]
