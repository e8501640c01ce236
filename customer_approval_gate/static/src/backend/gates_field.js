import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";

/** Every gate before the next stage: how far it is, and who can open it. */
export class CustomerApprovalGatesField extends Component {
    static template = "customer_approval_gate.GatesField";
    static props = {...standardFieldProps, isCompact: {type: Boolean, optional: true}};

    get gates() {
        return this.props.record.data[this.props.name] || [];
    }

    get isBlocked() {
        return this.gates.some((gate) => !gate.open);
    }

    get stage() {
        return this.gates[0]?.stage || "";
    }

    describe(gate) {
        return gate.who
            ? `${gate.label}: ${gate.state} (${gate.who})`
            : `${gate.label}: ${gate.state}`;
    }

    get tooltip() {
        const heading = this.isBlocked
            ? _t("Not yet to %s:", this.stage)
            : _t("Nothing blocks it on its way to %s:", this.stage);
        const lines = this.gates.map(
            (gate) => `${gate.open ? "✓" : "✗"} ${this.describe(gate)}`
        );
        return [heading, ...lines].join("\n");
    }
}

registry.category("fields").add("customer_approval_gates", {
    component: CustomerApprovalGatesField,
    supportedTypes: ["json"],
    extractProps: ({viewType}) => ({isCompact: viewType !== "form"}),
});
