import {registry} from "@web/core/registry";

const CARD = ".o_kanban_record:contains('Tour Customer')";
const column = (name) => `.o_kanban_group:has(.o_column_title:contains('${name}'))`;
const SENTENCE =
    "Cannot advance to In Production: customer approval is required. " +
    "Request customer approval before changing to this status.";

const closeError = [
    {
        content: "The guide's sentence is shown",
        trigger: `.modal:contains('${SENTENCE}')`,
    },
    {
        content: "Close it",
        trigger: ".modal-footer .btn-primary",
        run: "click",
    },
    {
        trigger: "body:not(:has(.modal))",
    },
];

registry.category("web_tour.tours").add("customer_approval_drag_refused", {
    steps: () => [
        {
            content: "The gated stage shows a lock",
            trigger: `${column("In Production")} .o_customer_approval_lock`,
        },
        {
            content: "Drop the card into the gated stage",
            trigger: `${column("Quote")} ${CARD}`,
            run: `drag_and_drop(${column("In Production")})`,
        },
        ...closeError,
        {
            content: "The card is back",
            trigger: `${column("Quote")} ${CARD}`,
        },
        {
            content: "Dropping it two columns further does not help",
            trigger: `${column("Quote")} ${CARD}`,
            run: `drag_and_drop(${column("Quality Check")})`,
        },
        {
            trigger: ".modal:contains('Cannot advance to Quality Check')",
        },
        {
            trigger: ".modal-footer .btn-primary",
            run: "click",
        },
        {
            trigger: `body:not(:has(.modal)) ${column("Quote")} ${CARD}`,
        },
    ],
});

registry.category("web_tour.tours").add("customer_approval_drag_accepted", {
    steps: () => [
        {
            content: "The card says that it is approved",
            trigger: `${column("Quote")} ${CARD}:contains('Approved')`,
            run: `drag_and_drop(${column("In Production")})`,
        },
        {
            content: "The card is there",
            trigger: `${column("In Production")} ${CARD}`,
        },
    ],
});

registry.category("web_tour.tours").add("customer_approval_statusbar_refused", {
    steps: () => [
        {
            content: "There is one status bar, of stages",
            trigger:
                ".o_form_statusbar:not(:has(.o_field_widget[name='state'])) .o_statusbar_status",
        },
        {
            content: "Click the gated stage",
            trigger: ".o_arrow_button:contains('In Production')",
            run: "click",
        },
        ...closeError,
        {
            content: "The bar is where it was, and nothing is left to save",
            trigger: ".o_arrow_button_current:contains('Quote')",
        },
        {
            trigger: "body:not(:has(.o_form_button_save:visible))",
        },
    ],
});

registry.category("web_tour.tours").add("customer_approval_request", {
    steps: () => [
        {
            content: "Ask the customer",
            trigger: "button[name='action_request_customer_approval']:visible",
            run: "click",
        },
        {
            content: "The preview shows what the customer will read",
            trigger: ".modal .o_customer_approval_content",
        },
        {
            trigger: ".modal .o_field_widget[name='message'] textarea",
            run: "edit Please have a look",
        },
        {
            trigger: ".modal button[name='action_send']",
            run: "click",
        },
        {
            trigger: "body:not(:has(.modal))",
        },
        {
            content: "The form says that it is pending",
            trigger: ".oe_stat_button:contains('Pending')",
        },
    ],
});

registry.category("web_tour.tours").add("customer_approval_in_person", {
    steps: () => [
        {
            trigger: "button[name='action_request_customer_approval']:visible",
            run: "click",
        },
        {
            content: "Let the customer answer here",
            trigger: ".modal button[name='action_ask_on_screen']",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "Nothing of the back office is there, and who answers is said",
            trigger:
                "body:not(:has(.o_main_navbar)):not(:has(header)) .o_customer_approval_choice button:contains('On this screen')",
            run: "click",
            expectUnloadPage: true,
        },
        {
            trigger:
                "body:not(:has(.o_main_navbar)) .o_customer_approval_page:has(.o_customer_approval_content) label[for='answer_approved']",
            run: "click",
        },
        {
            trigger: "input[name='name']",
            run: "edit Tour Customer",
        },
        {
            trigger: "input[name='consent']",
            run: "click",
        },
        {
            trigger: ".o_customer_approval_form button.btn-lg",
            run: "click",
            expectUnloadPage: true,
        },
        {
            trigger: ".alert-success:contains('Thank you!')",
        },
        {
            content: "The way back is Odoo's own login",
            trigger: ".o_customer_approval_leave a[href^='/web/login']",
            run: "click",
            expectUnloadPage: true,
        },
        {
            trigger: ".oe_login_form",
        },
    ],
});

registry.category("web_tour.tours").add("customer_approval_by_link", {
    steps: () => [
        {
            content: "Choose to approve",
            trigger: "label[for='answer_approved']",
            run: "click",
        },
        {
            content: "Sign",
            trigger: ".o_customer_approval_signature .o_web_sign_auto_button",
            run: "click",
        },
        {
            trigger: ".o_customer_approval_signature canvas",
            run: "canvasNotEmpty",
        },
        {
            trigger: "input[name='consent']",
            run: "click",
        },
        {
            trigger: ".o_customer_approval_form button.btn-lg",
            run: "click",
            expectUnloadPage: true,
        },
        {
            trigger: ".alert-success:contains('Thank you!')",
        },
        {
            trigger: "body:not(:has(.o_customer_approval_form))",
        },
    ],
});

// What each answer takes, besides the name, and how the page thanks for it.
const ANSWERS = {
    approved: {
        steps: [{trigger: "input[name='consent']", run: "click"}],
        done: ".alert-success",
    },
    approved_conditions: {
        steps: [
            {
                trigger: "textarea[name='conditions']:visible",
                run: "edit Delivery in May",
            },
            {trigger: "input[name='consent']", run: "click"},
        ],
        done: ".alert-success",
    },
    changes_requested: {
        steps: [
            {trigger: "label:contains('Timing'):visible", run: "click"},
            {trigger: "textarea[name='reason']:visible", run: "edit A week later"},
        ],
        done: ".alert-warning",
    },
    rejected: {
        steps: [
            {trigger: "label:contains('Price'):visible", run: "click"},
            {trigger: "textarea[name='reason']:visible", run: "edit Too dear"},
            {
                content: "A remark about a single line",
                trigger: ".o_customer_approval_remarks summary",
                run: "click",
            },
            {
                trigger: ".o_customer_approval_remarks input:visible",
                run: "edit Half of it",
            },
        ],
        done: ".alert-warning",
    },
};

const send = {
    trigger: ".o_customer_approval_form button.btn-lg",
    run: "click",
    expectUnloadPage: true,
};

for (const [answer, {steps, done}] of Object.entries(ANSWERS)) {
    registry.category("web_tour.tours").add(`customer_approval_${answer}`, {
        steps: () => [
            {
                content: "The answers are in reach before anything is scrolled",
                trigger: `label[for='answer_${answer}']`,
                run: "click",
            },
            ...steps.map((step) => ({...step})),
            {...send},
            {trigger: done},
            {trigger: "body:not(:has(.o_customer_approval_form))"},
        ],
    });
}

registry.category("web_tour.tours").add("customer_approval_with_code", {
    steps: () => [
        {
            trigger: "label[for='answer_approved']",
            run: "click",
        },
        {
            trigger: "input[name='consent']",
            run: "click",
        },
        {
            trigger: ".o_customer_approval_code button",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "What was typed is still there",
            trigger: "input[name='consent']:checked",
        },
        {
            trigger: "input[name='code']",
            run: "edit 000042",
        },
        {...send},
        {trigger: ".alert-success:contains('Thank you!')"},
    ],
});

registry.category("web_tour.tours").add("customer_approval_options", {
    steps: () => [
        {
            content: "Choose the rug",
            trigger: "label:contains('Rug')",
            run: "click",
        },
        {
            content: "The total follows",
            trigger: ".o_customer_approval_choice_total:contains('280.00')",
        },
        {
            content: "And not the lamp",
            trigger: "label:contains('Lamp')",
            run: "click",
        },
        {
            trigger: ".o_customer_approval_choice_total:contains('250.00')",
        },
        {
            trigger: "label[for='answer_approved']",
            run: "click",
        },
        {
            trigger: "input[name='consent']",
            run: "click",
        },
        {...send},
        {trigger: ".alert-success:contains('Thank you!')"},
        {trigger: ".o_customer_approval_content:contains('optional, not chosen')"},
    ],
});

registry.category("web_tour.tours").add("customer_approval_conversation", {
    steps: () => [
        {
            content: "What staff wrote to the customer is there",
            trigger:
                "#chatterRoot:shadow .o-mail-Message-body:contains('We have a question')",
        },
        {
            trigger: "#chatterRoot:shadow .o-mail-Composer-input",
            run: "edit When do you deliver?",
        },
        {
            trigger: "#chatterRoot:shadow .o-mail-Composer-send:enabled",
            run: "click",
        },
        {
            trigger:
                "#chatterRoot:shadow .o-mail-Message-body:contains('When do you deliver?')",
        },
        {
            content: "Both are there when the page is opened again",
            trigger: "#chatterRoot",
            run: () => window.location.reload(),
            expectUnloadPage: true,
        },
        {
            trigger:
                "#chatterRoot:shadow .o-mail-Message-body:contains('When do you deliver?')",
        },
        {
            trigger:
                "#chatterRoot:shadow .o-mail-Message-body:contains('We have a question')",
        },
    ],
});

registry.category("web_tour.tours").add("customer_approval_composer", {
    steps: () => [
        {
            trigger: ".o-mail-Chatter-sendMessage",
            run: "click",
        },
        {
            content: "The composer says where the customer reads it",
            trigger:
                ".o_customer_approval_composer:contains('also read this message on the approval page')",
        },
    ],
});

registry.category("web_tour.tours").add("customer_approval_pass_on", {
    steps: () => [
        {
            trigger: ".o_customer_approval_pass_on summary",
            run: "click",
        },
        {
            trigger: "#colleague_name",
            run: "edit Grace Hopper",
        },
        {
            trigger: "#colleague_email",
            run: "edit grace@oak.example",
        },
        {
            trigger: ".o_customer_approval_pass_on button",
            run: "click",
            expectUnloadPage: true,
        },
        {
            trigger: "h1:contains('You have passed this on')",
        },
    ],
});

registry.category("web_tour.tours").add("customer_approval_by_login", {
    steps: () => [
        {
            content: "The customer's home says that there is something to review",
            trigger: ".o_portal_index_card:contains('Approvals to review') a",
            run: "click",
            expectUnloadPage: true,
        },
        {
            trigger: "table.o_portal_my_doc_table a",
            run: "click",
            expectUnloadPage: true,
        },
        {
            trigger: "label[for='answer_approved_conditions']",
            run: "click",
        },
        {
            trigger: "textarea[name='conditions']:visible",
            run: "edit Delivery in May",
        },
        {
            trigger: "input[name='consent']",
            run: "click",
        },
        {
            trigger: ".o_customer_approval_form button.btn-lg",
            run: "click",
            expectUnloadPage: true,
        },
        {
            trigger: ".alert-success:contains('Delivery in May')",
        },
    ],
});

// The deposit: refused, asked for, paid, and on it goes

registry.category("web_tour.tours").add("customer_approval_deposit_refused", {
    steps: () => [
        {
            content: "The card says what is missing",
            trigger: `${column("Pending Approval")} ${CARD} .o_customer_approval_gates.text-danger`,
        },
        {
            content: "Drop the card into the stage that takes a deposit",
            trigger: `${column("Pending Approval")} ${CARD}`,
            run: `drag_and_drop(${column("In Production")})`,
        },
        {
            content: "The sentence is shown",
            trigger:
                ".modal:contains('Cannot advance to In Production: a deposit of'):contains('is still to be collected.')",
        },
        {
            trigger: ".modal-footer .btn-primary",
            run: "click",
        },
        {
            content: "The card is back",
            trigger: `body:not(:has(.modal)) ${column("Pending Approval")} ${CARD}`,
        },
    ],
});

registry.category("web_tour.tours").add("customer_approval_deposit_request", {
    steps: () => [
        {
            content: "The form says what blocks it",
            trigger:
                ".o_customer_approval_gates .badge:contains('Deposit'):contains('missing')",
        },
        {
            content: "Ask for it",
            trigger: "button[name='action_request_deposit_online']",
            run: "click",
        },
        {
            content: "Odoo's dialog has the amount",
            trigger: ".modal .o_field_widget[name='amount'] input:value('300.00')",
        },
        {
            trigger: ".modal .btn-close, .modal button[special='cancel']",
            run: "click",
        },
        {
            trigger: "body:not(:has(.modal))",
        },
    ],
});

registry.category("web_tour.tours").add("customer_approval_deposit_pay", {
    steps: () => [
        {
            content: "Pay what is asked for",
            trigger: "#o_sale_portal_paynow, a[data-bs-target='#modalaccept']",
            run: "click",
        },
        {
            content: "With the provider for demonstrations",
            trigger:
                ".modal.show input[name='o_payment_radio'][data-provider-code='demo']",
            run: "click",
        },
        {
            trigger: ".modal.show #customer_input",
            run: "edit 4242424242424242",
        },
        {
            trigger: ".modal.show button[name='o_payment_submit_button']:enabled",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "It was paid",
            trigger: "#quotation_content, .o_portal_sale_sidebar",
            timeout: 60000,
        },
    ],
});

// A delivery, confirmed on a phone

registry.category("web_tour.tours").add("customer_approval_delivery", {
    steps: () => [
        {
            content: "Nothing is wider than the screen",
            trigger: ".o_customer_approval_delivery",
            run: () => {
                const {scrollWidth, clientWidth} = document.documentElement;
                if (scrollWidth > clientWidth) {
                    throw new Error(`${scrollWidth} px on ${clientWidth} px`);
                }
            },
        },
        {
            content: "All of it",
            trigger: ".o_customer_approval_all_done",
            run: "click",
        },
        {
            trigger: "input[data-left='2']:value('2')",
        },
        {
            content: "Who received it",
            trigger: "input[name='name']",
            run: "edit Rita Receiver",
        },
        {
            trigger: "textarea[name='remarks']",
            run: "edit Left at the gate",
        },
        {
            trigger: ".o_customer_approval_delivery_form button[type='submit']",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "It is confirmed, with a certificate",
            trigger:
                ".alert-success:contains('Confirmed as DEL/'):has(a[href*='certificate'])",
        },
    ],
});

registry.category("web_tour.tours").add("customer_approval_delivery_button", {
    steps: () => [
        {
            content: "From the order's form",
            trigger: "button[name='action_confirm_delivery']",
            run: "click",
            expectUnloadPage: true,
        },
        {
            trigger: ".o_customer_approval_delivery h1:contains('Confirm delivery')",
        },
    ],
});

const SWITCH = ".o_data_row:eq(2) td[name='requires_customer_approval']";
const openGate = [
    {
        content: "Click the switch in the row that is edited",
        trigger: ".o_selected_row td[name='requires_customer_approval'] input:checked",
        run: "click",
    },
    {
        content: "It is asked first",
        trigger: ".modal:contains('Open this gate?')",
    },
];

registry.category("web_tour.tours").add("customer_approval_gate_opened", {
    steps: () => [
        {
            content: "Edit the row",
            trigger: SWITCH,
            run: "click",
        },
        ...openGate,
        {
            content: "Not now",
            trigger: ".modal .btn-secondary",
            run: "click",
        },
        {
            trigger: `body:not(:has(.modal)) ${SWITCH} input:checked`,
        },
        ...openGate,
        {
            content: "Open it",
            trigger: ".modal .btn-primary",
            run: "click",
        },
        {
            content: "It says so, in plain text",
            trigger:
                ".o_notification:contains('Gates have changed'):not(:contains('<'))",
        },
    ],
});
