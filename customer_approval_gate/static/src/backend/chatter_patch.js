import {Chatter} from "@mail/chatter/web_portal/chatter";
import {patch} from "@web/core/utils/patch";

patch(Chatter.prototype, {
    /** Whether what is sent to the customer is on a page of theirs. */
    get isReadOnApprovalPage() {
        return Boolean(this.props.record?.data.customer_approval_request_id);
    },
});
