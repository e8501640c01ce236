import {Interaction} from "@web/public/interaction";
import {registry} from "@web/core/registry";

// A preview of a link loads a page too; somebody who reads it looks at it for a moment.
const MOMENT = 1000;

/** Tells that the page was shown to a person: once it has been seen, not when it loads. */
export class CustomerApprovalOpened extends Interaction {
    static selector = ".o_customer_approval_page[data-opened-url]";
    dynamicContent = {
        _document: {"t-on-visibilitychange": this.watch},
    };

    start() {
        this.watch();
    }

    watch() {
        clearTimeout(this.timer);
        if (!this.isTold && document.visibilityState === "visible") {
            this.timer = this.waitForTimeout(() => this.tell(), MOMENT);
        }
    }

    async tell() {
        this.isTold = true;
        const body = new FormData();
        body.append("csrf_token", odoo.csrf_token);
        try {
            await fetch(this.el.dataset.openedUrl, {method: "POST", body});
        } catch {
            this.isTold = false; // No connection: when the page is looked at again
        }
    }
}

registry
    .category("public.interactions")
    .add("customer_approval_gate.opened", CustomerApprovalOpened);
