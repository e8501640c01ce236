import {Interaction} from "@web/public/interaction";
import {NameAndSignature} from "@web/core/signature/name_and_signature";
import {_t} from "@web/core/l10n/translation";
import {browser} from "@web/core/browser/browser";
import {reactive} from "@odoo/owl";
import {registry} from "@web/core/registry";

/**
 * The form on which a delivery is confirmed. It works without this too: here come the
 * signature and the place.
 */
export class CustomerApprovalDeliveryForm extends Interaction {
    static selector = ".o_customer_approval_delivery_form";
    dynamicContent = {
        _root: {"t-on-submit": this.onSubmit},
        "input[name='name']": {"t-on-input": this.onNameInput},
        ".o_customer_approval_locate": {"t-on-click": this.onLocate},
        ".o_customer_approval_all_done": {"t-on-click": this.onAllDone},
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
        this.mountComponent(
            this.el.querySelector(".o_customer_approval_signature"),
            NameAndSignature,
            {
                signature: this.signature,
                noInputName: true,
                mode: "draw",
                fontColor: "DarkBlue",
            }
        );
        this.el.querySelector(".alert-danger[tabindex]")?.focus();
    }

    onNameInput() {
        this.signature.name = this.nameEl.value;
    }

    onAllDone() {
        for (const inputEl of this.el.querySelectorAll("input[data-left]")) {
            inputEl.value = inputEl.dataset.left;
        }
    }

    onLocate() {
        const resultEl = this.el.querySelector(".o_customer_approval_located");
        const {geolocation} = browser.navigator;
        if (!geolocation) {
            resultEl.textContent = _t("This browser does not know where it is.");
            return;
        }
        geolocation.getCurrentPosition(
            ({coords}) => {
                const {latitude, longitude} = coords;
                this.el.querySelector("input[name='latitude']").value =
                    latitude.toFixed(5);
                this.el.querySelector("input[name='longitude']").value =
                    longitude.toFixed(5);
                resultEl.textContent = `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`;
            },
            () => {
                resultEl.textContent = _t("The place could not be found.");
            }
        );
    }

    onSubmit() {
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
    .add("customer_approval_gate.delivery_form", CustomerApprovalDeliveryForm);
