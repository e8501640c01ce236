import {Interaction} from "@web/public/interaction";
import {registry} from "@web/core/registry";

/** Compares a file with the digests of a certificate, on the reader's own device. */
export class VerifyFile extends Interaction {
    static selector = ".o_customer_approval_drop";
    dynamicContent = {
        _root: {
            "t-on-dragover.prevent": () => {},
            "t-on-drop.prevent": (ev) => this.compare(ev.dataTransfer.files[0]),
        },
        "#verify_file": {
            "t-on-change": (ev) => this.compare(ev.target.files[0]),
        },
    };

    async compare(file) {
        if (!file) {
            return;
        }
        if (!window.crypto.subtle) {
            this.show("unable");
            return;
        }
        const data = await this.waitFor(file.arrayBuffer());
        const hash = await this.waitFor(window.crypto.subtle.digest("SHA-256", data));
        const hex = [...new Uint8Array(hash)]
            .map((byte) => byte.toString(16).padStart(2, "0"))
            .join("");
        const which = JSON.parse(this.el.dataset.digests)[hex];
        this.el.querySelector(".o_customer_approval_which").textContent = which || "";
        this.show(which ? "same" : "other");
    }

    show(result) {
        for (const name of ["same", "other", "unable"]) {
            this.el
                .querySelector(`.o_customer_approval_${name}`)
                .classList.toggle("d-none", name !== result);
        }
    }
}

registry
    .category("public.interactions")
    .add("customer_approval_gate.verify_file", VerifyFile);
