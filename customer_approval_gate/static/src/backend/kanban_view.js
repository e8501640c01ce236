import {onWillStart, useSubEnv} from "@odoo/owl";
import {KanbanHeader} from "@web/views/kanban/kanban_header";
import {KanbanRenderer} from "@web/views/kanban/kanban_renderer";
import {kanbanView} from "@web/views/kanban/kanban_view";
import {registry} from "@web/core/registry";
import {useService} from "@web/core/utils/hooks";

/** The header of a column, with a lock where the stage takes an approval. */
export class CustomerApprovalKanbanHeader extends KanbanHeader {
    static template = "customer_approval_gate.KanbanHeader";

    get isGated() {
        return this.env.gatedStages.ids.has(this.props.group.value);
    }
}

export class CustomerApprovalKanbanRenderer extends KanbanRenderer {
    static components = {
        ...KanbanRenderer.components,
        KanbanHeader: CustomerApprovalKanbanHeader,
    };

    setup() {
        super.setup();
        const orm = useService("orm");
        const gatedStages = {ids: new Set()};
        useSubEnv({gatedStages});
        onWillStart(async () => {
            const field = this.props.list.groupByField;
            if (field?.relation !== "customer.approval.stage") {
                return;
            }
            gatedStages.ids = new Set(
                await orm.search("customer.approval.stage", [
                    ["gate_stage_ids.requires_customer_approval", "=", true],
                ])
            );
        });
    }
}

registry.category("views").add("customer_approval_kanban", {
    ...kanbanView,
    Renderer: CustomerApprovalKanbanRenderer,
});
