import {
    ListBooleanToggleField,
    listBooleanToggleField,
} from "@web/views/fields/boolean_toggle/list_boolean_toggle_field";
import {
    BooleanToggleField,
    booleanToggleField,
} from "@web/views/fields/boolean_toggle/boolean_toggle_field";
import {ConfirmationDialog} from "@web/core/confirmation_dialog/confirmation_dialog";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {useService} from "@web/core/utils/hooks";

/** Asks before a gate is opened: what follows cannot be seen from the switch. */
const asksBeforeOpening = (Field) =>
    class extends Field {
        setup() {
            super.setup();
            this.dialog = useService("dialog");
        }

        confirmOpening(open) {
            const {record, name} = this.props;
            if (!record.resId || !record.data[name]) {
                return open();
            }
            this.dialog.add(ConfirmationDialog, {
                title: _t("Open this gate?"),
                body: _t(
                    "Documents will enter “%s”, and the stages after it, without their customer's approval. It is logged with your name.",
                    record.data.name
                ),
                confirmLabel: _t("Open the gate"),
                confirm: open,
                cancel: () => this.keepClosed(),
            });
        }

        keepClosed() {
            this.state.value = true;
            this.render();
        }

        onChange(newValue) {
            if (newValue) {
                return super.onChange(newValue);
            }
            this.state.value = newValue;
            return this.confirmOpening(() => super.onChange(newValue));
        }
    };

export class CustomerApprovalGateToggleField extends asksBeforeOpening(
    BooleanToggleField
) {}

export class CustomerApprovalListGateToggleField extends asksBeforeOpening(
    ListBooleanToggleField
) {
    // Beside the switch: a click on it is a change.
    onClick() {
        if (!this.props.record.isInEdition) {
            return;
        }
        return this.confirmOpening(() => super.onClick());
    }
}

registry.category("fields").add("customer_approval_gate_toggle", {
    ...booleanToggleField,
    component: CustomerApprovalGateToggleField,
});
registry.category("fields").add("list.customer_approval_gate_toggle", {
    ...listBooleanToggleField,
    component: CustomerApprovalListGateToggleField,
});
