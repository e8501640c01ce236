# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a model says of itself to join in, and how it is told what is missing."""


class ContractError(TypeError):
    """A model that joins in does not say what it has to, or says what is not there."""


def refuse(model, attribute, problem, example):
    """
    :param model: the model that is wrong
    :param str attribute: which it has to change
    :param str problem: what is wrong with it
    :param str example: a line of code that would be right
    :raise ContractError: always
    """
    raise ContractError(
        f"{model._name}: {attribute} {problem}. For example: {attribute} = {example}"
    )


def check_fields(model, attribute, names, example):
    """Check that all fields that an attribute names are there.

    :param names: of fields; what is empty is left out
    :raise ContractError: one of them is not
    """
    for name in filter(None, names):
        if name not in model._fields:
            refuse(model, attribute, f"names {name}, which is no field", example)


def check_states(model, attribute, states, example):
    """Check that all states that an attribute names are states of the model's.

    :raise ContractError: one of them is not
    """
    name = model._document_state_field
    if not states:
        return
    if name not in model._fields:
        refuse(model, attribute, f"names states, and there is no field {name}", "()")
    selection = model._fields[name].selection
    known = dict(selection) if isinstance(selection, list) else None
    for state in states:
        if known is not None and state not in known:
            refuse(model, attribute, f"names {state}, which is no state", example)


def check_method(model, attribute, name, example):
    """Check that a method that an attribute names is there.

    :raise ContractError: it is not
    """
    if not callable(getattr(type(model), name, None)):
        refuse(model, attribute, f"names {name}, which is no method", example)
