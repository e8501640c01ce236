import {Interaction} from "@web/public/interaction";
import {registry} from "@web/core/registry";

/** The screen that shows a code: it shows at once what was answered on the phone. */
export class CustomerApprovalInPerson extends Interaction {
    static selector = ".o_customer_approval_in_person";

    start() {
        const bus = this.services.bus_service;
        const onAnswered = ({request_id: requestId}) => {
            if (String(requestId) === this.el.dataset.request) {
                window.location.reload();
            }
        };
        bus.subscribe("customer_approval_answered", onAnswered);
        this.registerCleanup(() =>
            bus.unsubscribe("customer_approval_answered", onAnswered)
        );
        bus.start();
    }
}

registry
    .category("public.interactions")
    .add("customer_approval_gate.in_person", CustomerApprovalInPerson);
