import {Interaction} from "@web/public/interaction";
import {registry} from "@web/core/registry";

/** The screen that was handed over: it shows at once what is answered on a phone. */
export class CustomerApprovalInPerson extends Interaction {
    static selector = ".o_customer_approval_in_person";
    dynamicContent = {
        // Whoever answers here is on the way to the next page already.
        form: {"t-on-submit": () => (this.isLeaving = true)},
    };

    start() {
        this.handOver();
        const bus = this.services.bus_service;
        const onAnswered = ({request_id: requestId}) => {
            if (!this.isLeaving && String(requestId) === this.el.dataset.request) {
                window.location.reload();
            }
        };
        bus.subscribe("customer_approval_answered", onAnswered);
        this.registerCleanup(() =>
            bus.unsubscribe("customer_approval_answered", onAnswered)
        );
        bus.start();
    }

    /** Loading the page has changed nothing: from now on the screen shows nothing else. */
    async handOver() {
        const body = new FormData();
        body.append("csrf_token", odoo.csrf_token);
        try {
            await fetch(this.el.dataset.handOverUrl, {method: "POST", body});
        } catch {
            // No connection: the answer, which needs one too, hands it over as well.
        }
    }
}

registry
    .category("public.interactions")
    .add("customer_approval_gate.in_person", CustomerApprovalInPerson);
