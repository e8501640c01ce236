import {AlertDialog} from "@web/core/confirmation_dialog/confirmation_dialog";
import {PosStore} from "@point_of_sale/app/services/pos_store";
import {_t} from "@web/core/l10n/translation";
import {patch} from "@web/core/utils/patch";

patch(PosStore.prototype, {
    /** Whoever settles an order that waits for its customer reads so before they sell. */
    async settleSO(saleOrder) {
        const body = saleOrder.customer_approval_till_message;
        if (body) {
            this.dialog.add(AlertDialog, {title: _t("Not approved yet"), body});
            return;
        }
        return super.settleSO(...arguments);
    },
});
