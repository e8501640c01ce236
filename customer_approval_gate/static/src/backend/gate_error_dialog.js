import {WarningDialog} from "@web/core/errors/error_dialogs";
import {registry} from "@web/core/registry";
import {useService} from "@web/core/utils/hooks";

/** A gate's refusal, with a way to the stage that asks, for who may change it. */
export class CustomerApprovalGateErrorDialog extends WarningDialog {
    static template = "customer_approval_gate.GateErrorDialog";

    setup() {
        super.setup();
        this.action = useService("action");
        this.stage = this.props.data?.context || {};
    }

    async openStage() {
        this.props.close();
        await this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "customer.approval.stage",
            res_id: this.stage.stage_id,
            views: [[false, "form"]],
        });
    }
}

registry
    .category("error_dialogs")
    .add(
        "odoo.addons.customer_approval_gate.tools.errors.GateError",
        CustomerApprovalGateErrorDialog
    );
