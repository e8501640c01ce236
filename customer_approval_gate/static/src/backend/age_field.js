import {Component} from "@odoo/owl";
import {formatDateTime} from "@web/core/l10n/dates";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";

/** How long ago a moment was, such as "3 days ago". */
export class CustomerApprovalAgeField extends Component {
    static template = "customer_approval_gate.AgeField";
    static props = standardFieldProps;

    get value() {
        return this.props.record.data[this.props.name];
    }

    get age() {
        return this.value ? this.value.toRelative() : "";
    }

    get moment() {
        return this.value ? formatDateTime(this.value) : "";
    }
}

registry.category("fields").add("customer_approval_age", {
    component: CustomerApprovalAgeField,
    supportedTypes: ["datetime"],
});
