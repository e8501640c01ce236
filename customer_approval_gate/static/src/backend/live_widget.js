import {Component, onWillDestroy} from "@odoo/owl";
import {registry} from "@web/core/registry";
import {standardWidgetProps} from "@web/views/widgets/standard_widget_props";
import {useService} from "@web/core/utils/hooks";

/** Lets a form that is open show the customer's answer at once. */
export class CustomerApprovalLive extends Component {
    static template = "customer_approval_gate.Live";
    static props = {...standardWidgetProps};

    setup() {
        this.bus = useService("bus_service");
        const onAnswered = (payload) => this.onAnswered(payload);
        this.bus.subscribe("customer_approval_answered", onAnswered);
        onWillDestroy(() =>
            this.bus.unsubscribe("customer_approval_answered", onAnswered)
        );
    }

    async onAnswered(payload) {
        const {record} = this.props;
        const own =
            (record.resModel === payload.res_model &&
                record.resId === payload.res_id) ||
            (record.resModel === "customer.approval.request" &&
                record.resId === payload.request_id);
        // What somebody is typing is not to be lost.
        if (own && !(await record.isDirty())) {
            await record.load();
        }
    }
}

registry.category("view_widgets").add("customer_approval_live", {
    component: CustomerApprovalLive,
});
