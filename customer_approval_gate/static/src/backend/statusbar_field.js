import {
    StatusBarDurationField,
    statusBarDurationField,
} from "@mail/views/fields/statusbar_duration/statusbar_duration_field";

import {registry} from "@web/core/registry";

/**
 * Core's status bar stays on the stage that was clicked when saving it is refused, and
 * leaves the form dirty: here the bar goes back to where the document still is.
 */
export class CustomerApprovalStatusBarField extends StatusBarDurationField {
    static template = "customer_approval_gate.StatusBarField";
    static props = {
        ...StatusBarDurationField.props,
        stateField: {type: String, optional: true},
    };

    /** What Odoo's own tours look for: the document's own state. */
    getValue(item) {
        const {record, stateField} = this.props;
        return item.isSelected && stateField ? record.data[stateField] : item.value;
    }

    async selectItem(item) {
        const {name, record} = this.props;
        // Other edits are saved first: a refused move must not cost them.
        if (!(await record.save())) {
            return;
        }
        try {
            await super.selectItem(item);
        } catch (error) {
            await record.discard();
            throw error;
        }
        await record.model.load();
        return record.data[name];
    }
}

registry.category("fields").add("customer_approval_statusbar", {
    ...statusBarDurationField,
    component: CustomerApprovalStatusBarField,
    extractProps: (info, dynamicInfo) => ({
        ...statusBarDurationField.extractProps(info, dynamicInfo),
        stateField: info.options.state_field,
    }),
    additionalClasses: ["o_field_statusbar", "o_field_statusbar_duration"],
});
