import {Interaction} from "@web/public/interaction";
import {NameAndSignature} from "@web/core/signature/name_and_signature";
import {reactive} from "@odoo/owl";
import {registry} from "@web/core/registry";
import {rpc} from "@web/core/network/rpc";

/**
 * The form in which the customer answers. It works without this too: here come the
 * signature, totals that follow the choice of options, and telling what is missing
 * before anything is sent.
 */
export class CustomerApprovalAnswerForm extends Interaction {
    static selector = ".o_customer_approval_form";
    dynamicContent = {
        _root: {"t-on-submit": this.onSubmit},
        "input[name='decision']": {"t-on-change": this.onDecisionChange},
        "input[name='name']": {"t-on-input": this.onNameInput},
        "input[data-line]": {"t-on-change": this.onOptionChange},
    };

    setup() {
        this.nameEl = this.el.querySelector("input[name='name']");
        this.signature = reactive({
            name: this.nameEl.value,
            isSignatureEmpty: true,
            getSignatureImage: () => "",
            resetSignature: () => {},
        });
    }

    start() {
        this.updateRequired();
        this.showSignature();
        this.el.querySelector(".alert-danger[tabindex]")?.focus();
        if (window.location.hash === "#customer_approval_code") {
            const codeEl = this.el.querySelector("#code");
            codeEl?.focus();
            codeEl?.scrollIntoView({block: "center"});
        }
    }

    /** Core's widget takes its size from the page, so it has to be seen by then. */
    showSignature() {
        const holder = this.el.querySelector(".o_customer_approval_signature");
        if (holder && !this.hasSignature && this.signs) {
            this.hasSignature = true;
            this.mountComponent(holder, NameAndSignature, {
                signature: this.signature,
                noInputName: true,
                mode: "draw",
                fontColor: "DarkBlue",
            });
        }
    }

    get signs() {
        return (this.decision || "").startsWith("approved");
    }

    get decision() {
        return this.el.querySelector("input[name='decision']:checked")?.value;
    }

    onNameInput() {
        this.signature.name = this.nameEl.value;
    }

    onDecisionChange() {
        this.updateRequired();
        this.showSignature();
        // The answers stay in reach while reading: what they ask for is further down.
        this.el
            .querySelector(".o_customer_approval_fields")
            .scrollIntoView({block: "nearest", behavior: "smooth"});
    }

    updateRequired() {
        const {decision} = this;
        for (const fieldEl of this.el.querySelectorAll("[data-required-for]")) {
            const required = fieldEl.dataset.requiredFor.split(" ").includes(decision);
            fieldEl.required = required;
        }
    }

    async onOptionChange() {
        const lines = [...this.el.querySelectorAll("input[data-line]:checked")].map(
            (optionEl) => Number(optionEl.dataset.line)
        );
        this.choice = lines;
        const totals = await this.waitFor(rpc(this.el.dataset.totalsUrl, {lines}));
        if (this.choice === lines && totals.value) {
            this.showTotals(totals);
        }
    }

    showTotals(totals) {
        this.el.querySelector("input[name='shown_total']").value = totals.value;
        this.el.querySelector(".o_customer_approval_choice_total").textContent =
            totals.total;
    }

    onSubmit(ev) {
        if (ev.submitter?.formNoValidate) {
            return;
        }
        const errorEl = this.el.querySelector(".o_customer_approval_signature_missing");
        if (errorEl && this.signs && this.signature.isSignatureEmpty) {
            ev.preventDefault();
            errorEl.classList.remove("d-none");
            errorEl.scrollIntoView({block: "center"});
            return;
        }
        if (!this.signature.isSignatureEmpty) {
            this.el.querySelector("input[name='signature']").value =
                this.signature.getSignatureImage().split(",")[1] || "";
        }
        for (const buttonEl of this.el.querySelectorAll("button[type='submit']")) {
            buttonEl.disabled = true;
        }
    }
}

registry
    .category("public.interactions")
    .add("customer_approval_gate.answer_form", CustomerApprovalAnswerForm);
