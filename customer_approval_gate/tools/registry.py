# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which models have a part in something: found in the registry, and named nowhere."""

from weakref import WeakKeyDictionary

_NAMES = WeakKeyDictionary()


def models_with(env, mixin):
    """Return all models that have a mixin, without abstract ones, as empty recordsets.

    :param str mixin: its name
    """
    registry = env.registry
    # While addons are loaded, models come.
    known = _NAMES.setdefault(registry, {}) if registry.ready else {}
    if mixin not in known:
        parent = registry[mixin]
        known[mixin] = [
            name
            for name, model in sorted(registry.items())
            if issubclass(model, parent) and not model._abstract
        ]
    return [env[name] for name in known[mixin]]
