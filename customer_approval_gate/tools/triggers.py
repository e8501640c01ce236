# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The part of the gate and of the evidence that PostgreSQL holds itself.

The functions test in their bodies and by name (``to_jsonb(NEW)``), so that columns can
be altered and dropped, and a trigger that was left behind does no harm. They raise
errors of class 23 with table and constraint, which Odoo turns into messages.
"""

import re

from odoo.tools import SQL

from .ledger import (
    DIGEST_INFO,
    EXPONENT,
    LEVEL_OF_METHOD,
    LEVELS,
    SEALED_FIELDS,
    UNSEALED_KINDS,
)

METHODS = {method: LEVELS[level] for method, level in LEVEL_OF_METHOD.items()}


def _cases(numbers):
    return " ".join(f"WHEN '{name}' THEN {number}" for name, number in numbers.items())


KEY_BYTES = 256
"""The size of the key that seals."""


def _texts(names):
    return ", ".join(f"'{name}'" for name in names)


def _seal_prefix():
    info = bytes.fromhex(DIGEST_INFO)
    padding = b"\xff" * (KEY_BYTES - len(info) - 32 - 3)
    return int.from_bytes(b"\x00\x01" + padding + b"\x00" + info, "big")


assert EXPONENT == 2**16 + 1  # what the loop below raises to

# Barrett reduction: with the key's inverse, a remainder takes multiplications and no
# division, which is most of the time that a seal takes. What is estimated is too small
# by two at most.
IS_SEALED = f"""
DECLARE
    power numeric := seal;
    expected numeric := 0;
    hash text := encode(sha256(convert_to(sealed, 'UTF8')), 'hex');
    digits int := length(modulus::text);
    low numeric := ('1e-' || digits - 1)::numeric;
    high numeric := ('1e-' || digits + 1)::numeric;
    inverse numeric;
BEGIN
    IF seal IS NULL OR modulus IS NULL OR seal <= 0 OR seal >= modulus THEN
        RETURN FALSE;
    END IF;
    inverse := div(('1e' || 2 * digits)::numeric, modulus);
    FOR number IN 1..17 LOOP
        power := power * CASE WHEN number < 17 THEN power ELSE seal END;
        power := power - trunc(trunc(power * low) * inverse * high) * modulus;
        WHILE power >= modulus LOOP
            power := power - modulus;
        END LOOP;
    END LOOP;
    FOR number IN 0..7 LOOP
        expected := expected * 4294967296
            + ('x' || substr(hash, number * 8 + 1, 8))::bit(32)::bigint;
    END LOOP;
    RETURN power = {_seal_prefix()} * (2::numeric ^ 256) + expected;
END
"""

# The last request about a document, and whether the ledger has its decision. By name:
# what was asked is large, and would be read with the whole row.
LAST_REQUEST = """
      FROM (
            SELECT id, state, lapsed_on, scope_digest, conditions_accepted_on
              FROM ONLY @.customer_approval_request
             WHERE res_model = {model} AND res_id = {document}
             ORDER BY id DESC LIMIT 1
           ) AS last,
           LATERAL (
            SELECT EXISTS (
               SELECT FROM ONLY @.customer_approval_event AS event
                WHERE event.request_id = last.id
                  AND event.res_model = {model} AND event.res_id = {document}
                  AND event.kind = 'decided'
                  AND event.decision = last.state
                  AND event.scope_digest = last.scope_digest
            ) AS is_decided
           ) AS ledger
"""

IS_APPROVED = f"""
DECLARE
    request record;
    coverage record;
BEGIN
    SELECT last.*, ledger.is_decided INTO request
    {LAST_REQUEST.format(model="model", document="document").strip()};
    IF request.state IN ('approved', 'approved_conditions')
       AND request.lapsed_on IS NULL THEN
        RETURN request.is_decided AND (
            request.state = 'approved'
            OR request.conditions_accepted_on IS NOT NULL
        );
    END IF;
    IF request.state IN ('pending', 'rejected', 'changes_requested') THEN
        RETURN FALSE;
    END IF;
    SELECT kind, scope_digest INTO coverage
      FROM ONLY @.customer_approval_event
     WHERE res_model = model AND res_id = document
       AND kind IN ('covered', 'coverage_ended')
     ORDER BY position DESC LIMIT 1;
    RETURN COALESCE(coverage.kind = 'covered', FALSE) AND NOT EXISTS (
        SELECT FROM ONLY @.customer_approval_event AS event
          JOIN ONLY @.customer_approval_request AS covering
            ON covering.id = event.request_id
         WHERE event.res_model = model AND event.res_id = document
           AND event.kind = 'covered'
           AND event.scope_digest = coverage.scope_digest
           AND (covering.lapsed_on IS NOT NULL
                OR covering.state NOT IN ('approved', 'approved_conditions'))
    );
END
"""

# Design rule 2: a stage asks for the gates of all stages before it. How sure they want
# to be who approved, 0 where any evidence will do, nothing where none asks for an
# approval; and whether that depends on the amount. Without an amount all gates count.
DEMAND = """
BEGIN
    SELECT max(
               CASE gate.minimum_evidence
                    WHEN 'strong' THEN 4 WHEN 'link' THEN 3 WHEN 'in_person' THEN 2
                    ELSE 0 END
           ),
           COALESCE(bool_or(gate.approval_from_amount > 0), FALSE)
      INTO minimum, by_amount
      FROM ONLY @.customer_approval_stage AS target
      JOIN ONLY @.customer_approval_stage AS gate
        ON gate.document_type = target.document_type
       AND gate.requires_customer_approval
       AND gate.active
       AND gate.reachable_anytime IS NOT TRUE
       -- Without a sequence a stage would be neither before nor after another.
       AND (COALESCE(gate.sequence, 0), gate.id)
           <= (COALESCE(target.sequence, 0), target.id)
       AND (amount IS NULL
            OR COALESCE(gate.approval_from_amount, 0) <= GREATEST(amount, 0))
     WHERE target.id = stage
       AND target.reachable_anytime IS NOT TRUE
       AND (gate.company_id IS NULL OR gate.company_id = company)
       AND (gate.company_id IS NULL OR target.company_id IS NULL
            OR gate.company_id = target.company_id);
END
"""

IS_GATED = """
BEGIN
    RETURN (
        SELECT demand.minimum IS NOT NULL
          FROM @.customer_approval_demand(stage, company, COALESCE(amount, 0)) AS demand
    );
END
"""

# How sure it is who approved: of the last request, or of all that cover the document.
STRENGTH = f"""
DECLARE
    request_ids int[];
    scope text;
BEGIN
    SELECT ARRAY[id] INTO request_ids
      FROM ONLY @.customer_approval_request
     WHERE res_model = model AND res_id = document
       AND state IN ('approved', 'approved_conditions') AND lapsed_on IS NULL
     ORDER BY id DESC LIMIT 1;
    IF request_ids IS NULL THEN
        SELECT scope_digest INTO scope
          FROM ONLY @.customer_approval_event
         WHERE res_model = model AND res_id = document AND kind = 'covered'
         ORDER BY position DESC LIMIT 1;
        SELECT array_agg(request_id) INTO request_ids
          FROM ONLY @.customer_approval_event
         WHERE res_model = model AND res_id = document AND kind = 'covered'
           AND scope_digest = scope;
    END IF;
    RETURN COALESCE((
        SELECT min(CASE WHEN details ? 'level' THEN
                   CASE details->>'level' {_cases(LEVELS)} ELSE 0 END
               ELSE COALESCE(
                   (details->>'strength')::int,
                   CASE method {_cases(METHODS)} ELSE 0 END
               ) END)
          FROM ONLY @.customer_approval_event
         WHERE request_id = ANY(request_ids) AND kind = 'decided'
    ), 0);
END
"""

# How much of a currency one unit of a company's own is today, as Odoo finds it.
RATE = """
DECLARE
    root int;
    own int;
    rates numeric[];
BEGIN
    SELECT split_part(parent_path, '/', 1)::int, currency_id INTO root, own
      FROM ONLY @.res_company WHERE id = company;
    rates := ARRAY(
        SELECT COALESCE((
                   SELECT rate::numeric FROM ONLY @.res_currency_rate
                    WHERE currency_id = wanted.id AND name <= CURRENT_DATE
                      AND (company_id IS NULL OR company_id = root)
                    ORDER BY company_id, name DESC LIMIT 1
               ), (
                   SELECT rate::numeric FROM ONLY @.res_currency_rate
                    WHERE currency_id = wanted.id
                      AND (company_id IS NULL OR company_id = root)
                    ORDER BY company_id, name LIMIT 1
               ), 1)
          FROM unnest(ARRAY[currency, own]) WITH ORDINALITY AS wanted (id, number)
         ORDER BY number
    );
    RETURN COALESCE(NULLIF(rates[1] / NULLIF(rates[2], 0), 0), 1);
END
"""

# What a document comes to in its company's currency: the stages' amounts are compared
# to it. Change orders count with the order they change; and lines count, so that a
# total alone cannot be made smaller.
AMOUNT = """
DECLARE
    original int;
    others numeric := 0;
    own numeric;
    rate numeric;
    added int[];
BEGIN
    rate := COALESCE(NULLIF(COALESCE(
        (after->>'currency_rate')::numeric, (after->>'invoice_currency_rate')::numeric
    ), 0), 1);
    IF after->'currency_id' = (
        SELECT to_jsonb(currency_id) FROM ONLY @.res_company
         WHERE id = (after->>'company_id')::int
    ) THEN
        rate := 1;
    ELSE
        -- The document's own rate can be written: that of today counts as well.
        rate := LEAST(rate, @.customer_approval_rate(
            (after->>'currency_id')::int, (after->>'company_id')::int
        ));
    END IF;
    own := COALESCE((after->>'amount_total')::numeric, 0);
    IF model = 'sale.order' THEN
        -- What Odoo itself has added was nobody's to approve, while it asks for no more
        -- than it did then.
        added := ARRAY(
            SELECT line.id
              FROM ONLY @.customer_approval_event AS event
              JOIN ONLY @.sale_order_line AS line
                ON line.id = (event.details->>'line_id')::int
             WHERE event.res_model = model AND event.res_id = document
               AND event.kind = 'line_added' AND line.order_id = document
               AND line.product_id = (event.details->>'product_id')::int
               AND line.product_uom_qty <= (event.details->>'quantity')::numeric
               AND line.price_unit <= (event.details->>'unit_price')::numeric
               AND COALESCE(line.discount, 0) = 0
        );
        IF cardinality(added) > 0 THEN
            own := own - COALESCE((
                SELECT sum(price_total) FROM ONLY @.sale_order_line
                 WHERE order_id = document AND id = ANY(added)
            ), 0);
        END IF;
        IF with_lines THEN
            own := GREATEST(own, (
                SELECT sum(price_total) FROM ONLY @.sale_order_line
                 WHERE order_id = document AND display_type IS NULL
                   AND id <> ALL(added)
            ), (
                SELECT sum(product_uom_qty * price_unit
                           * (1 - COALESCE(discount, 0) / 100))
                  FROM ONLY @.sale_order_line
                 WHERE order_id = document AND display_type IS NULL
                   AND id <> ALL(added)
            ));
        END IF;
        original := COALESCE((after->>'customer_approval_parent_id')::int, document);
        -- What one of them gives back opens no gate for another: it can be cancelled.
        SELECT COALESCE(sum(
                   GREATEST(other.amount_total, 0) / CASE
                       WHEN other.currency_id = company.currency_id THEN 1
                       ELSE LEAST(
                           COALESCE(NULLIF(other.currency_rate, 0), 1)::numeric,
                           @.customer_approval_rate(other.currency_id, company.id)
                       ) END
               ), 0)
          INTO others
          FROM ONLY @.sale_order AS other
          JOIN ONLY @.res_company AS company ON company.id = other.company_id
         WHERE (other.id = original OR other.customer_approval_parent_id = original)
           AND other.id <> document AND other.state <> 'cancel';
    END IF;
    RETURN round(GREATEST(own, 0) / rate + others, 6);
END
"""

# Before what the trigger of a staged table does: most of what is written has nothing to
# do with gates, and to look at a row as a whole takes longer than to write it. By the
# names of the table's own columns, so that each has a function of its own.
GATE_EARLY = """
    IF to_regclass('@.customer_approval_request') IS NULL
       OR to_regclass('@.customer_approval_event') IS NULL
       OR to_regclass('@.customer_approval_stage') IS NULL THEN
        PERFORM @.customer_approval_must_be_gone();
        RETURN COALESCE(NEW, OLD);
    END IF;
    IF TG_OP = 'UPDATE' AND {unchanged} THEN
        RETURN NEW;
    END IF;
    IF TG_OP IN ('INSERT', 'UPDATE')
       AND NEW.customer_approval_status IS DISTINCT FROM 'approved'
       AND NOT EXISTS (
           SELECT FROM ONLY @.customer_approval_stage
            WHERE document_type = TG_ARGV[1] AND requires_customer_approval AND active
       ) THEN
        IF TG_OP = 'INSERT' THEN
            RETURN NEW;
        END IF;
        IF OLD.customer_approval_status IS DISTINCT FROM 'approved' AND {fixed} THEN
            RETURN NEW;
        END IF;
    END IF;
    -- What its customer has approved passes every gate, but for those that want to be
    -- surer who it was: nothing else is to be found out then.
    IF TG_OP = 'UPDATE' AND NEW.customer_approval_status = 'approved'
       AND OLD.customer_approval_status = 'approved' AND {fixed}
       AND NOT EXISTS (
           SELECT FROM ONLY @.customer_approval_stage
            WHERE document_type = TG_ARGV[1] AND requires_customer_approval AND active
              AND minimum_evidence IS NOT NULL
       ) AND (
           SELECT ledger.is_decided AND last.lapsed_on IS NULL
                  AND (last.state = 'approved'
                       OR last.state = 'approved_conditions'
                       AND last.conditions_accepted_on IS NOT NULL)
           {last_request}
       ) THEN
        RETURN NEW;
    END IF;
"""

# Arguments: the model, its type of document, what makes a row staged (JSON), its final
# states (JSON).
GATE = """
DECLARE
    after jsonb;
    before jsonb := '{}';
    stage int;
    minimum int;
    is_new boolean := TG_OP = 'INSERT';
    wanted int[] := '{}';
    stage_name text;
    stages_apply boolean;
    is_asked boolean := FALSE;
    condition record;
    company int;
    amount numeric;
    by_amount boolean;
    grown boolean := FALSE;
    is_approved boolean;
BEGIN
    -- early
    IF to_regclass('@.customer_approval_request') IS NULL
       OR to_regclass('@.customer_approval_event') IS NULL
       OR to_regclass('@.customer_approval_stage') IS NULL THEN
        PERFORM @.customer_approval_must_be_gone();
        RETURN COALESCE(NEW, OLD);
    END IF;
    IF TG_OP = 'TRUNCATE' THEN
        is_asked := EXISTS (
            SELECT FROM ONLY @.customer_approval_request WHERE res_model = TG_ARGV[0]
        );
    ELSIF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND NEW.id <> OLD.id THEN
        is_asked := EXISTS (
            SELECT FROM ONLY @.customer_approval_request
             WHERE res_model = TG_ARGV[0] AND res_id = OLD.id
        );
    END IF;
    IF is_asked THEN
        RAISE EXCEPTION 'A document whose customer was asked cannot be deleted: '
            'cancel it instead.'
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
                  CONSTRAINT = 'customer_approval_asked';
    END IF;
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RETURN OLD;
    END IF;
    after := to_jsonb(NEW);
    IF NOT after ?& ARRAY['stage_id', 'state', 'customer_approval_status'] THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        before := to_jsonb(OLD);
        is_new := after->'id' <> before->'id'
            OR after->'company_id' IS DISTINCT FROM before->'company_id';
    END IF;
    stages_apply := TRUE;
    FOR condition IN SELECT * FROM jsonb_each(TG_ARGV[2]::jsonb) LOOP
        stages_apply := stages_apply
            AND condition.value @> COALESCE(after->condition.key, 'null');
        is_new := is_new
            OR after->condition.key IS DISTINCT FROM before->condition.key;
    END LOOP;
    IF stages_apply AND (
        is_new OR after->'stage_id' IS DISTINCT FROM before->'stage_id'
    ) THEN
        wanted := wanted || (after->>'stage_id')::int;
    END IF;
    IF stages_apply AND TG_ARGV[3]::jsonb ? (after->>'state')
       AND (is_new OR after->'state' IS DISTINCT FROM before->'state') THEN
        SELECT id INTO stage
          FROM ONLY @.customer_approval_stage
         WHERE document_type = TG_ARGV[1]
           AND document_state = after->>'state'
           AND active
           AND (company_id IS NULL OR company_id = (after->>'company_id')::int)
         ORDER BY sequence, id LIMIT 1;
        wanted := wanted || stage;
    END IF;
    IF after->>'customer_approval_status' = 'approved'
       AND (TG_OP = 'INSERT' OR after->'id' <> before->'id'
            OR before->>'customer_approval_status' IS DISTINCT FROM 'approved')
       AND NOT @.customer_approval_is_approved(TG_ARGV[0], NEW.id) THEN
        RAISE EXCEPTION 'The customer''s approval cannot be written: it follows from '
            'what the customer answers. Request customer approval instead.'
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
                  CONSTRAINT = 'customer_approval_status';
    END IF;
    -- The other way round it would unlock what was approved.
    IF TG_OP = 'UPDATE' AND before->>'customer_approval_status' = 'approved'
       AND after->>'customer_approval_status' IS DISTINCT FROM 'approved'
       AND @.customer_approval_is_approved(TG_ARGV[0], NEW.id) THEN
        RAISE EXCEPTION 'The customer''s approval cannot be written: it follows from '
            'what the customer answers. Request customer approval instead.'
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
                  CONSTRAINT = 'customer_approval_status';
    END IF;
    company := (after->>'company_id')::int;
    IF COALESCE(before->'customer_approval_parent_id', 'null') <> 'null'
       AND after->'customer_approval_parent_id'
           IS DISTINCT FROM before->'customer_approval_parent_id' THEN
        RAISE EXCEPTION 'A change order stays one of the order it changes.'
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
                  CONSTRAINT = 'customer_approval_parent';
    END IF;
    -- What stands behind a gate that small documents pass stays small.
    grown := stages_apply AND cardinality(wanted) = 0 AND (
        COALESCE((after->>'amount_total')::numeric, 0)
            > COALESCE((before->>'amount_total')::numeric, 0)
        OR after->'currency_id' IS DISTINCT FROM before->'currency_id'
        OR after->'currency_rate' IS DISTINCT FROM before->'currency_rate'
        OR after->'invoice_currency_rate'
            IS DISTINCT FROM before->'invoice_currency_rate'
        OR after->'customer_approval_parent_id'
            IS DISTINCT FROM before->'customer_approval_parent_id'
    );
    IF grown THEN
        wanted := wanted || (after->>'stage_id')::int;
        IF TG_ARGV[3]::jsonb ? (after->>'state') THEN
            SELECT id INTO stage
              FROM ONLY @.customer_approval_stage
             WHERE document_type = TG_ARGV[1]
               AND document_state = after->>'state'
               AND active
               AND (company_id IS NULL OR company_id = company)
             ORDER BY sequence, id LIMIT 1;
            wanted := wanted || stage;
        END IF;
    END IF;
    -- The stage may be the one of the state as well.
    IF wanted[1] = wanted[2] THEN
        wanted := wanted[1:1];
    END IF;
    FOREACH stage IN ARRAY wanted LOOP
        SELECT demand.minimum, demand.by_amount INTO minimum, by_amount
          FROM @.customer_approval_demand(stage, company, NULL) AS demand;
        CONTINUE WHEN minimum IS NULL OR grown AND NOT by_amount;
        -- To add up amounts takes time, and matters where a gate asks from one on.
        IF by_amount THEN
            amount := COALESCE(
                amount, @.customer_approval_amount(TG_ARGV[0], NEW.id, after, TRUE)
            );
            SELECT demand.minimum INTO minimum
              FROM @.customer_approval_demand(stage, company, amount) AS demand;
            CONTINUE WHEN minimum IS NULL;
        END IF;
        -- The lines may be what they are to be already.
        CONTINUE WHEN grown AND @.customer_approval_is_gated(
            stage, company,
            @.customer_approval_amount(TG_ARGV[0], NEW.id, before, FALSE)
        );
        is_approved := COALESCE(
            is_approved, @.customer_approval_is_approved(TG_ARGV[0], NEW.id)
        );
        IF NOT is_approved THEN
            SELECT name->>'en_US' INTO stage_name
              FROM ONLY @.customer_approval_stage WHERE id = stage;
            IF grown THEN
                RAISE EXCEPTION 'With so large a total, % takes the customer''s '
                    'approval.', stage_name
                    USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
                          CONSTRAINT = 'customer_approval_grown',
                          DETAIL = stage::text;
            END IF;
            RAISE EXCEPTION 'Cannot advance to %: customer approval is required. '
                'Request customer approval before changing to this status.', stage_name
                USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
                      CONSTRAINT = 'customer_approval_gate', DETAIL = stage::text;
        END IF;
        CONTINUE WHEN grown;
        IF minimum > 0
           AND minimum > @.customer_approval_strength(TG_ARGV[0], NEW.id) THEN
            SELECT name->>'en_US' INTO stage_name
              FROM ONLY @.customer_approval_stage WHERE id = stage;
            RAISE EXCEPTION 'Cannot advance to %: it takes stronger evidence of who '
                'approved.', stage_name
                USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
                      CONSTRAINT = 'customer_approval_strength', DETAIL = stage::text;
        END IF;
    END LOOP;
    RETURN NEW;
END
"""

EVENT = f"""
DECLARE
    head record;
    sealed text;
BEGIN
    SELECT position, hash INTO head
      FROM ONLY @.customer_approval_event
     WHERE res_model = NEW.res_model AND res_id = NEW.res_id
     ORDER BY position DESC LIMIT 1;
    -- A number of one's own choice could be higher than all that follow.
    NEW.id := nextval('@.customer_approval_event_id_seq');
    NEW.position := COALESCE(head.position, 0) + 1;
    NEW.previous_hash := head.hash;
    -- By it other triggers know what was written in the transaction that goes on.
    NEW.xact := pg_current_xact_id()::text;
    NEW.hash := encode(sha256(convert_to(format(
        '%s:%s:%s:%s:%s:%s:%s', NEW.id, NEW.position, NEW.xact,
        COALESCE(NEW.key_id, ''), COALESCE(NEW.seal, ''), COALESCE(head.hash, ''),
        NEW.entry_digest
    ), 'UTF8')), 'hex');
    IF NEW.kind NOT IN ({_texts(UNSEALED_KINDS)}) THEN
        -- That of another database, which has the same key, is none of this one.
        IF NEW.database IS DISTINCT FROM (
            SELECT value FROM ONLY @.ir_config_parameter
             WHERE key = 'customer_approval_gate.identity'
        ) THEN
            RAISE EXCEPTION 'Evidence of approvals needs the seal of the Odoo server.'
                USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
                      CONSTRAINT = 'customer_approval_seal';
        END IF;
        -- What is not there is an empty text: concat_ws() would leave it out.
        sealed := array_to_string(ARRAY[
            {", ".join(f"NEW.{name}::text" for name in SEALED_FIELDS)}
        ], '|', '');
        IF NOT @.customer_approval_is_sealed(
            CASE WHEN NEW.seal ~ '^[0-9]+$' THEN NEW.seal::numeric END, sealed,
            @.customer_approval_key(NEW.key_id::text)
        ) THEN
            RAISE EXCEPTION 'Evidence of approvals needs the seal of the Odoo server.'
                USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
                      CONSTRAINT = 'customer_approval_seal';
        END IF;
    END IF;
    RETURN NEW;
END
"""

CHECKPOINT = """
BEGIN
    IF NOT @.customer_approval_is_sealed(
        CASE WHEN NEW.seal ~ '^[0-9]+$' THEN NEW.seal::numeric END, NEW.hash::text,
        @.customer_approval_key(NEW.key_id::text)
    ) THEN
        RAISE EXCEPTION 'Evidence of approvals needs the seal of the Odoo server.'
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
                  CONSTRAINT = 'customer_approval_seal';
    END IF;
    RETURN NEW;
END
"""

UNALTERABLE = """
BEGIN
    RAISE EXCEPTION 'Evidence of customer approvals can be neither changed nor deleted.'
        USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
              CONSTRAINT = 'customer_approval_evidence';
END
"""

PERSONAL = """
BEGIN
    IF NEW.value IS NULL AND NEW.salt IS NULL
       AND NEW.id = OLD.id AND NEW.event_id = OLD.event_id
       AND EXISTS (
           SELECT FROM ONLY @.customer_approval_event AS erased
             JOIN ONLY @.customer_approval_event AS event
               ON event.id = NEW.event_id
              AND event.res_model = erased.res_model AND event.res_id = erased.res_id
            WHERE erased.kind = 'erased'
              AND erased.details->'events' @> to_jsonb(NEW.event_id)
              AND erased.xact = pg_current_xact_id()::text
       ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'Evidence of customer approvals can be neither changed nor deleted.'
        USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
              CONSTRAINT = 'customer_approval_evidence';
END
"""

# Arguments: the columns that never change, those of the answer, those of the answer
# that can be erased (JSON lists).
REQUEST = """
DECLARE
    before jsonb := '{}';
    after jsonb := to_jsonb(NEW);
    changed text[];
    answer text[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        before := to_jsonb(OLD);
    END IF;
    SELECT array_agg(key) INTO changed
      FROM jsonb_each(after)
     WHERE value IS DISTINCT FROM COALESCE(before->key, 'null');
    SELECT array_agg(value) INTO answer
      FROM jsonb_array_elements_text(TG_ARGV[1]::jsonb || TG_ARGV[2]::jsonb);
    IF TG_OP = 'INSERT' THEN
        IF NEW.state = 'pending' AND NEW.lapsed_on IS NULL
           AND NEW.conditions_accepted_on IS NULL AND NOT changed && answer THEN
            RETURN NEW;
        END IF;
    ELSIF changed && ARRAY(SELECT jsonb_array_elements_text(TG_ARGV[0]::jsonb)) THEN
        NULL;
    ELSIF 'state' = ANY(changed) THEN
        IF OLD.state = 'pending' AND NOT changed && ARRAY[
            'lapsed_on', 'conditions_accepted_on', 'conditions_accepted_by_id',
            'deadline'
        ] THEN
            IF NEW.state IN ('withdrawn', 'expired')
               AND NOT array_remove(changed, 'reason') && answer
               AND EXISTS (
                   SELECT FROM ONLY @.customer_approval_event
                    WHERE request_id = NEW.id AND kind = NEW.state
               ) THEN
                RETURN NEW;
            END IF;
            IF NEW.state IN (
                'approved', 'approved_conditions', 'changes_requested', 'rejected'
            ) AND EXISTS (
                SELECT FROM ONLY @.customer_approval_event
                 WHERE request_id = NEW.id
                   AND res_model = NEW.res_model AND res_id = NEW.res_id
                   AND kind = 'decided'
                   AND decision = NEW.state
                   AND scope_digest = NEW.scope_digest
            ) THEN
                RETURN NEW;
            END IF;
        END IF;
    ELSIF changed && answer THEN
        IF changed <@ (
               ARRAY(SELECT jsonb_array_elements_text(TG_ARGV[2]::jsonb))
               || ARRAY['write_date', 'write_uid']
           )
           AND NOT EXISTS (
               SELECT FROM jsonb_array_elements_text(TG_ARGV[2]::jsonb) AS name
                WHERE after->name <> 'null' AND name = ANY(changed)
           )
           AND EXISTS (
               SELECT FROM ONLY @.customer_approval_event
                WHERE res_model = NEW.res_model AND res_id = NEW.res_id
                  AND kind = 'erased' AND xact = pg_current_xact_id()::text
           ) THEN
            RETURN NEW;
        END IF;
    ELSIF changed && ARRAY['conditions_accepted_on', 'conditions_accepted_by_id'] THEN
        IF OLD.conditions_accepted_on IS NULL AND NOT 'lapsed_on' = ANY(changed)
           AND OLD.state = 'approved_conditions' AND EXISTS (
            SELECT FROM ONLY @.customer_approval_event
             WHERE request_id = NEW.id AND kind = 'conditions_accepted'
               AND scope_digest = NEW.scope_digest
        ) THEN
            RETURN NEW;
        END IF;
    ELSIF changed && ARRAY['certificate_id', 'document_pdf_id'] THEN
        -- A certificate that goes with erased data goes.
        IF NOT changed && ARRAY['lapsed_on', 'deadline'] AND (
            COALESCE(after->'certificate_id', 'null') = 'null'
            AND NOT 'document_pdf_id' = ANY(changed)
            AND EXISTS (
                SELECT FROM ONLY @.customer_approval_event
                 WHERE res_model = NEW.res_model AND res_id = NEW.res_id
                   AND kind = 'erased' AND xact = pg_current_xact_id()::text
            )
            OR EXISTS (
                SELECT FROM ONLY @.customer_approval_event
                 WHERE request_id = NEW.id AND kind = 'certified'
                   AND xact = pg_current_xact_id()::text
            )
        ) THEN
            RETURN NEW;
        END IF;
    ELSIF 'deadline' = ANY(changed) THEN
        IF OLD.state = 'pending' AND NOT 'lapsed_on' = ANY(changed) AND EXISTS (
            SELECT FROM ONLY @.customer_approval_event
             WHERE request_id = NEW.id AND kind = 'deadline_changed'
               AND details->'deadline'->1 = COALESCE(after->'deadline', 'null')
               AND xact = pg_current_xact_id()::text
        ) THEN
            RETURN NEW;
        END IF;
    ELSIF NOT COALESCE('lapsed_on' = ANY(changed), FALSE) OR OLD.lapsed_on IS NULL
       AND EXISTS (
           SELECT FROM ONLY @.customer_approval_event
            WHERE request_id = NEW.id AND kind IN ('lapsed', 'revised')
       ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'Approval requests are evidence: what was asked and answered '
        'cannot be written by hand. Let the customer answer.'
        USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
              CONSTRAINT = 'customer_approval_request_evidence';
END
"""

# Arguments: as for requests.
APPROVER = """
DECLARE
    before jsonb := '{}';
    after jsonb := to_jsonb(NEW);
    changed text[];
    answer text[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        before := to_jsonb(OLD);
    END IF;
    SELECT array_agg(key) INTO changed
      FROM jsonb_each(after)
     WHERE value IS DISTINCT FROM COALESCE(before->key, 'null');
    SELECT array_agg(value) INTO answer
      FROM jsonb_array_elements_text(TG_ARGV[1]::jsonb || TG_ARGV[2]::jsonb);
    -- A link that was replaced would open the page again.
    IF (after->>'token_number')::int < (before->>'token_number')::int THEN
        changed := ARRAY['id'];
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.state IN ('waiting', 'asked') AND NOT changed && answer THEN
            RETURN NEW;
        END IF;
    ELSIF changed && ARRAY(SELECT jsonb_array_elements_text(TG_ARGV[0]::jsonb)) THEN
        NULL;
    ELSIF 'state' = ANY(changed) THEN
        IF OLD.state IN ('waiting', 'asked') AND NOT changed && answer THEN
            IF EXISTS (
                SELECT FROM ONLY @.customer_approval_event
                 WHERE request_id = NEW.request_id
                   AND (kind = 'approver_removed' AND NEW.state = 'removed'
                        AND details->'approver' = to_jsonb(NEW.id)
                        OR kind = 'turn_came' AND NEW.state = 'asked'
                        AND details->'approver' = to_jsonb(NEW.id)
                        OR kind = 'passed_on' AND NEW.state = 'passed_on'
                        AND details->'from' = to_jsonb(NEW.id))
            ) THEN
                RETURN NEW;
            END IF;
        ELSIF OLD.state = 'asked' AND EXISTS (
            SELECT FROM ONLY @.customer_approval_event
             WHERE request_id = NEW.request_id
               AND kind = 'answered' AND decision = NEW.state
               AND details->'approver' = to_jsonb(NEW.id)
               AND xact = pg_current_xact_id()::text
        ) THEN
            RETURN NEW;
        END IF;
    ELSIF changed && answer THEN
        IF changed <@ (
               ARRAY(SELECT jsonb_array_elements_text(TG_ARGV[2]::jsonb))
               || ARRAY['write_date', 'write_uid']
           )
           AND NOT EXISTS (
               SELECT FROM jsonb_array_elements_text(TG_ARGV[2]::jsonb) AS name
                WHERE after->name <> 'null' AND name = ANY(changed)
           )
           AND EXISTS (
               SELECT FROM ONLY @.customer_approval_event AS erased
                 JOIN ONLY @.customer_approval_request AS request
                   ON request.res_model = erased.res_model
                  AND request.res_id = erased.res_id
                WHERE request.id = NEW.request_id
                  AND erased.kind = 'erased'
                  AND erased.xact = pg_current_xact_id()::text
           ) THEN
            RETURN NEW;
        END IF;
    ELSE
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'Approval requests are evidence: what was asked and answered '
        'cannot be written by hand. Let the customer answer.'
        USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
              CONSTRAINT = 'customer_approval_request_evidence';
END
"""

# A request, and somebody who is asked, are there with the event that says so: at the
# end of the transaction, as the event comes after the row.
ASKED = """
BEGIN
    IF to_regclass('@.customer_approval_event') IS NULL THEN
        PERFORM @.customer_approval_must_be_gone();
        RETURN NULL;
    END IF;
    IF TG_TABLE_NAME = 'customer_approval_request' AND EXISTS (
        SELECT FROM ONLY @.customer_approval_event
         WHERE request_id = NEW.id AND kind = 'requested'
           AND xact = pg_current_xact_id()::text
    ) THEN
        RETURN NULL;
    END IF;
    IF TG_TABLE_NAME = 'customer_approval_approver' AND EXISTS (
        SELECT FROM ONLY @.customer_approval_event
         WHERE request_id = (to_jsonb(NEW)->>'request_id')::int
           AND xact = pg_current_xact_id()::text
           AND (kind = 'requested' AND to_jsonb(NEW)->>'origin' = 'asked'
                OR kind IN ('approver_added', 'passed_on')
                AND details->'approver' = to_jsonb(NEW.id))
    ) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'Approval requests are evidence: what was asked and answered '
        'cannot be written by hand. Let the customer answer.'
        USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
              CONSTRAINT = 'customer_approval_request_evidence';
END
"""

# Arguments: the columns that decide on gates (JSON list). Each new value has to be in
# an event of this transaction; what is empty or false is null there.
STAGE = """
DECLARE
    after jsonb := COALESCE(to_jsonb(NEW), '{}');
    before jsonb := COALESCE(to_jsonb(OLD), '{}');
    nothing jsonb := '[null, false, 0, ""]';
    old_value jsonb;
    new_value jsonb;
    name text;
BEGIN
    IF to_regclass('@.customer_approval_event') IS NULL THEN
        PERFORM @.customer_approval_must_be_gone();
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'What stages ask for is changed in Odoo only, where it is '
            'logged.'
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
                  CONSTRAINT = 'customer_approval_stage_logged';
    END IF;
    FOR name IN SELECT jsonb_array_elements_text(TG_ARGV[0]::jsonb) LOOP
        old_value := COALESCE(before->name, 'null');
        new_value := COALESCE(after->name, 'null');
        IF old_value = new_value THEN
            CONTINUE;
        END IF;
        -- Odoo writes a number here: without one a stage has no place.
        IF name = 'sequence' AND new_value = 'null' AND TG_OP <> 'DELETE' THEN
            RAISE EXCEPTION 'What stages ask for is changed in Odoo only, where it is '
                'logged.'
                USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
                      CONSTRAINT = 'customer_approval_stage_logged';
        END IF;
        IF nothing @> old_value AND nothing @> new_value THEN
            CONTINUE;
        END IF;
        IF nothing @> new_value THEN
            new_value := 'null';
        END IF;
        IF NOT EXISTS (
            SELECT FROM ONLY @.customer_approval_event
             WHERE res_model = 'customer.approval.stage'
               AND res_id = COALESCE((after->>'id')::int, (before->>'id')::int)
               AND kind = 'stage_configured'
               AND CASE WHEN jsonb_typeof(new_value) = 'number'
                        THEN (details->'changes'->name->>1)::numeric
                             = (new_value#>>'{}')::numeric
                        ELSE details->'changes'->name->1 = new_value END
               AND xact = pg_current_xact_id()::text
        ) THEN
            RAISE EXCEPTION 'What stages ask for is changed in Odoo only, where it is '
                'logged.'
                USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
                      CONSTRAINT = 'customer_approval_stage_logged';
        END IF;
    END LOOP;
    RETURN NULL;
END
"""

# Arguments: the type of document, the table of documents, the column of the line that
# says which it is, and the line's copy of its state. At the end of the transaction, as
# both are now.
COPIED = """
DECLARE
    altered boolean;
BEGIN
    IF to_regclass('@.customer_approval_stage') IS NULL THEN
        PERFORM @.customer_approval_must_be_gone();
        RETURN NULL;
    END IF;
    IF NOT EXISTS (
        SELECT FROM ONLY @.customer_approval_stage
         WHERE document_type = TG_ARGV[0] AND requires_customer_approval AND active
    ) THEN
        RETURN NULL;
    END IF;
    EXECUTE format(
        'SELECT line.%I IS DISTINCT FROM document.state'
        '  FROM @.%I AS line JOIN @.%I AS document ON document.id = line.%I'
        ' WHERE line.id = $1 AND document.stage_id IS NOT NULL',
        TG_ARGV[3], TG_TABLE_NAME, TG_ARGV[1], TG_ARGV[2]
    ) INTO altered USING NEW.id;
    IF altered THEN
        RAISE EXCEPTION 'The state of a line is that of its document.'
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
                  CONSTRAINT = 'customer_approval_copied';
    END IF;
    RETURN NULL;
END
"""

# What triggers read is not there: that is right while the addon is uninstalled, and
# what it left behind does no harm then. Else somebody has renamed it.
MUST_BE_GONE = """
BEGIN
    IF EXISTS (
        SELECT FROM ONLY @.ir_module_module
         WHERE name = 'customer_approval_gate' AND state IN ('installed', 'to upgrade')
    ) THEN
        RAISE EXCEPTION 'A table of Customer Approval Gate is missing.'
            USING ERRCODE = 'check_violation',
                  CONSTRAINT = 'customer_approval_missing_table';
    END IF;
END
"""

FUNCTIONS = {
    "customer_approval_must_be_gone": ("", "void", "plpgsql STABLE", MUST_BE_GONE),
    "customer_approval_is_sealed": (
        "seal numeric, sealed text, modulus numeric",
        "boolean",
        "plpgsql IMMUTABLE",
        IS_SEALED,
    ),
    "customer_approval_is_approved": (
        "model text, document int",
        "boolean",
        "plpgsql STABLE",
        IS_APPROVED,
    ),
    "customer_approval_is_gated": (
        "stage int, company int, amount numeric",
        "boolean",
        "plpgsql STABLE",
        IS_GATED,
    ),
    "customer_approval_rate": (
        "currency int, company int",
        "numeric",
        "plpgsql STABLE",
        RATE,
    ),
    "customer_approval_amount": (
        "model text, document int, after jsonb, with_lines boolean",
        "numeric",
        "plpgsql STABLE",
        AMOUNT,
    ),
    "customer_approval_demand": (
        "stage int, company int, amount numeric,"
        " OUT minimum int, OUT by_amount boolean",
        "record",
        "plpgsql STABLE",
        DEMAND,
    ),
    "customer_approval_strength": (
        "model text, document int",
        "int",
        "plpgsql STABLE",
        STRENGTH,
    ),
    "customer_approval_gate": ("", "trigger", "plpgsql", GATE),
    "customer_approval_copied": ("", "trigger", "plpgsql", COPIED),
    "customer_approval_asked": ("", "trigger", "plpgsql", ASKED),
    "customer_approval_event": ("", "trigger", "plpgsql", EVENT),
    "customer_approval_checkpoint": ("", "trigger", "plpgsql", CHECKPOINT),
    "customer_approval_unalterable": ("", "trigger", "plpgsql", UNALTERABLE),
    "customer_approval_personal": ("", "trigger", "plpgsql", PERSONAL),
    "customer_approval_request": ("", "trigger", "plpgsql", REQUEST),
    "customer_approval_approver": ("", "trigger", "plpgsql", APPROVER),
    "customer_approval_stage": ("", "trigger", "plpgsql", STAGE),
}
"""By name: arguments, result, language and body."""

FORMER_FUNCTIONS = ("customer_approval_minimum",)

KEY_FUNCTION = "customer_approval_key"

READ_TABLES = (
    "customer_approval_event",
    "customer_approval_request",
    "customer_approval_stage",
    "ir_config_parameter",
    "ir_module_module",
    "res_company",
    "res_currency_rate",
)
"""What triggers read."""


def gate(table, arguments, columns, fixed):
    """Return the trigger that is the gate of a table of documents, with a function of
    its own.

    :param columns: those that matter to gates; what is written without any of them is
        of no interest
    :param fixed: those that matter whether or not any stage asks for an approval
    """

    def same(names):
        return " AND ".join(
            f"NEW.{name} IS NOT DISTINCT FROM OLD.{name}" for name in names
        )

    # Of a row with sixty columns a dozen is looked at.
    names = sorted({*columns, *fixed})

    def part(row):
        pairs = ", ".join(f"'{name}', {row}.{name}" for name in names)
        return f":= jsonb_build_object({pairs});"

    name = f"customer_approval_gate_{table}"[:63]
    early = GATE_EARLY.format(
        unchanged=same(columns),
        fixed=same(fixed),
        last_request=LAST_REQUEST.format(model="TG_ARGV[0]", document="NEW.id").strip(),
    )
    body = GATE.replace("    -- early\n", early)
    for row in ("NEW", "OLD"):
        body = body.replace(f":= to_jsonb({row});", part(row))
    return Trigger(
        table, "gate", "BEFORE INSERT OR UPDATE OR DELETE", name, arguments, body=body
    )


class Trigger:
    """A trigger of ours.

    :param name: without the prefix that all of them have
    :param when: ``BEFORE INSERT OR UPDATE`` and so on
    :param arguments: texts for the function
    :param str level: ``ROW`` or ``STATEMENT``
    :param bool deferred: whether it fires when the transaction ends
    :param str condition: of the rows it fires for, as PostgreSQL itself writes it
    :param str body: of the function, where it is this trigger's own
    """

    def __init__(self, table, name, when, function, arguments=(), **options):
        self.table = table
        self.name = f"customer_approval_{name}"
        self.when = when
        self.function = function
        self.arguments = arguments
        self.level = options.get("level", "ROW")
        self.deferred = options.get("deferred", False)
        self.body = options.get("body")
        self.condition = options.get("condition")

    def is_as_in(self, definition):
        """Return whether PostgreSQL's definition of a trigger is this one's: when it
        fires, for which rows, and with which arguments."""
        found = re.fullmatch(
            r"CREATE (?:CONSTRAINT )?TRIGGER \S+ (BEFORE|AFTER) (.+?) ON \S+ .*?"
            r"FOR EACH (ROW|STATEMENT)(?: WHEN \((.+)\))? EXECUTE FUNCTION .*",
            definition,
            re.DOTALL,
        )
        if not found:
            return False
        moment, events, level, condition = found.groups()
        own_moment, _space, own_events = self.when.partition(" ")
        return (
            (moment, level, condition) == (own_moment, self.level, self.condition)
            and {*events.split(" OR ")} == {*own_events.split(" OR ")}
            and all(argument in definition for argument in self.arguments)
        )

    def install(self, cr):
        """Create the trigger anew."""
        cr.execute(
            SQL(
                "DROP TRIGGER IF EXISTS %s ON %s",
                SQL.identifier(self.name),
                SQL.identifier(self.table),
            )
        )
        cr.execute(
            SQL(
                "CREATE %s TRIGGER %s %s ON %s %s FOR EACH %s %s"
                " EXECUTE FUNCTION %s(%s)",
                SQL("CONSTRAINT") if self.deferred else SQL(),
                SQL.identifier(self.name),
                SQL(self.when),
                SQL.identifier(self.table),
                SQL("DEFERRABLE INITIALLY DEFERRED") if self.deferred else SQL(),
                SQL(self.level),
                SQL(f"WHEN ({self.condition})") if self.condition else SQL(),
                SQL.identifier(self.function),
                SQL(", ").join(SQL("%s", argument) for argument in self.arguments),
            )
        )


def unalterable(table, rows=True):
    """Return the triggers that keep rows of a table from being changed or deleted.

    :param bool rows: also the one for single rows
    """
    triggers = [
        Trigger(
            table,
            "no_truncate",
            "BEFORE TRUNCATE",
            "customer_approval_unalterable",
            level="STATEMENT",
        )
    ]
    if rows:
        triggers.append(
            Trigger(
                table,
                "unalterable",
                "BEFORE UPDATE OR DELETE",
                "customer_approval_unalterable",
            )
        )
    return triggers


def asked(table):
    """Return the trigger that wants an event for each request, and for each who is
    asked."""
    return Trigger(
        table, "asked", "AFTER INSERT", "customer_approval_asked", deferred=True
    )


def check_asked(cr):
    """Let the database look at once for the events of new requests: a table for which
    something is pending cannot be altered, as addons do that are installed."""
    cr.execute(
        "SET CONSTRAINTS customer_approval_asked IMMEDIATE;"
        " SET CONSTRAINTS customer_approval_asked DEFERRED"
    )


def _get_functions(triggers):
    """Return all functions, those that are a trigger's own included."""
    own = {
        trigger.function: ("", "trigger", "plpgsql", trigger.body)
        for trigger in triggers
        if trigger.body
    }
    return {**FUNCTIONS, **own}


def install_functions(cr, triggers=()):
    """Create or replace the functions, without the key's.

    :param triggers: those whose own functions are made as well
    """
    # Bodies name tables that come later.
    cr.execute("SET LOCAL check_function_bodies = off")
    schema = _get_schema(cr)
    _drop_old_functions(cr)
    functions = _get_functions(triggers)
    for name, (arguments, result, language, body) in functions.items():
        cr.execute(
            SQL(
                "CREATE OR REPLACE FUNCTION %s(%s) RETURNS %s LANGUAGE %s"
                " SET search_path = pg_catalog, pg_temp SET row_security = off AS %s",
                SQL.identifier(name),
                SQL(arguments),
                SQL(result),
                SQL(language),
                body.replace("@.", schema),
            )
        )


def _drop_old_functions(cr):
    """Drop what older versions made under other names, or with other arguments."""
    cr.execute(
        """
        SELECT oid::regprocedure::text, proname,
               pg_get_function_identity_arguments(oid)
          FROM pg_proc
         WHERE proname = ANY(%s) AND pronamespace = current_schema::regnamespace
        """,
        [[*FUNCTIONS, *FORMER_FUNCTIONS]],
    )
    for signature, name, arguments in cr.fetchall():
        wanted = FUNCTIONS.get(name, ("",))[0].replace(" int", " integer")
        if name in FORMER_FUNCTIONS or arguments != wanted:
            cr.execute(SQL("DROP FUNCTION %s", SQL(signature)))


def _get_schema(cr):
    """Return the schema of Odoo's tables, as a prefix. Functions name it everywhere and
    look for nothing else but PostgreSQL's own: tables, functions and operators that
    somebody puts beside ours are not found."""
    cr.execute("SELECT quote_ident(current_schema)")
    return f"{cr.fetchone()[0]}."


def read_keys(cr):
    """Return the moduli of the keys that the database takes seals of, by
    fingerprint."""
    cr.execute(
        "SELECT obj_description(oid, 'pg_proc'), prosrc FROM pg_proc"
        " WHERE proname = %s AND pronamespace = current_schema::regnamespace"
        " AND pg_get_function_identity_arguments(oid) = 'fingerprint text'",
        [KEY_FUNCTION],
    )
    keys = {}
    for _comment, source in cr.fetchall():
        for part in source.split("WHEN '")[1:]:
            fingerprint, modulus = part.split("' THEN ")
            keys[fingerprint] = modulus.split()[0]
    return keys


def _key_body(keys):
    cases = " ".join(
        f"WHEN '{fingerprint}' THEN {int(modulus)}"
        for fingerprint, modulus in sorted(keys.items())
    )
    return f"SELECT CASE fingerprint {cases} END::numeric"


def install_keys(cr, keys):
    """Let the database take seals that were made with these keys, and no others."""
    cr.execute(
        SQL(
            "CREATE OR REPLACE FUNCTION %s(fingerprint text) RETURNS numeric"
            " LANGUAGE sql IMMUTABLE AS %s",
            SQL.identifier(KEY_FUNCTION),
            _key_body(keys),
        )
    )


def find_problems(cr, triggers):
    """Return what is missing, disabled or altered, a line each, for an
    administrator."""
    cr.execute(
        """
        SELECT relname, tgname, tgenabled, tgfoid::regproc::text,
               pg_get_triggerdef(pg_trigger.oid)
          FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
         WHERE tgname LIKE 'customer\\_approval\\_%' AND NOT tgisinternal
           AND relnamespace = current_schema::regnamespace
        """
    )
    found = {(row[0], row[1]): row[2:] for row in cr.fetchall()}
    problems = []
    for trigger in triggers:
        label = f"trigger {trigger.name} of table {trigger.table}"
        enabled, function, definition = found.get(
            (trigger.table, trigger.name), ("", "", "")
        )
        if not enabled:
            problems.append(f"{label} is missing")
        elif enabled not in ("O", "A"):
            problems.append(f"{label} is disabled")
        elif function.split(".")[-1] != trigger.function or not trigger.is_as_in(
            definition.replace("''", "'")
        ):
            problems.append(f"{label} was altered")
    problems += _find_table_problems(cr, {trigger.table for trigger in triggers})
    wanted = {(trigger.table, trigger.name) for trigger in triggers}
    problems += _find_foreign_triggers(cr, wanted)
    problems += _find_shadows(cr)
    return problems + _find_function_problems(cr, _get_functions(triggers))


def _find_function_problems(cr, functions):
    """Return which functions are missing, or do something else than they did: their
    body, and how PostgreSQL calls them."""
    cr.execute(
        """
        SELECT proname, prosrc, pg_get_function_arguments(pg_proc.oid),
               pg_get_function_result(pg_proc.oid), lanname, provolatile::text,
               proisstrict OR prosecdef OR proleakproof, proconfig
          FROM pg_proc JOIN pg_language ON pg_language.oid = prolang
         WHERE proname LIKE 'customer\\_approval\\_%'
           AND pronamespace = current_schema::regnamespace
        """
    )
    rows = cr.fetchall()
    found = {row[0]: row[1:] for row in rows}
    schema = _get_schema(cr)
    # Rows that a policy hides are an error then, and not simply missing.
    config = ["search_path=pg_catalog, pg_temp", "row_security=off"]
    wanted = {
        name: (
            body.replace("@.", schema),
            arguments.replace(" int", " integer"),
            result.replace("int", "integer"),
            language.split()[0],
            VOLATILITY[language.partition(" ")[2]],
            False,
            config,
        )
        for name, (arguments, result, language, body) in functions.items()
    }
    key_body = _key_body(read_keys(cr))
    key = (key_body, "fingerprint text", "numeric", "sql", "i", False, None)
    wanted[KEY_FUNCTION] = key
    problems = []
    if len(rows) != len(found):
        problems.append("somebody has added functions of the same names")
    for name, definition in wanted.items():
        if name not in found:
            problems.append(f"function {name} is missing")
        elif found[name] != definition:
            problems.append(f"function {name} was altered")
    return problems


VOLATILITY = {"": "v", "STABLE": "s", "IMMUTABLE": "i"}
"""What PostgreSQL calls it."""


def _find_foreign_triggers(cr, wanted):
    """Return which triggers of others there are on our own tables, or come after ours
    on those of documents: they could write into a row what ours have not judged.

    :param wanted: tables and names of ours
    """
    cr.execute(
        """
        SELECT relname, tgname
          FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
         WHERE relnamespace = current_schema::regnamespace AND NOT tgisinternal
           AND (starts_with(relname::text, 'customer_approval_')
                OR relname = ANY(%s)
                   AND (starts_with(tgname::text, 'customer_approval_')
                        OR tgname > 'customer_approval_' AND tgtype & 3 = 3))
         ORDER BY 1, 2
        """,
        [sorted({table for table, _name in wanted})],
    )
    return [
        f"trigger {name} of table {table} is none of ours, and could undo what they do"
        for table, name in cr.fetchall()
        if (table, name) not in wanted
    ]


def _find_shadows(cr):
    """Return what could answer in place of PostgreSQL itself: functions, operators and
    casts of names that it has, for other types; and settings of the database."""
    cr.execute("SELECT current_setting('search_path'), current_schemas(true)")
    path, schemas = cr.fetchone()
    # Or the question would be answered by what it asks about.
    cr.execute("SELECT set_config('search_path', 'pg_catalog', true)")
    cr.execute(
        """
        WITH own AS (
            SELECT 'pg_proc'::regclass AS class, oid, proname AS name,
                   'function' AS what, oid AS function, pronamespace AS schema
              FROM pg_proc
             WHERE proname IN (
                   SELECT proname FROM pg_proc WHERE pronamespace = 11::oid
                   )
             UNION ALL
            SELECT 'pg_operator'::regclass, oid, oprname, 'operator', oprcode::oid,
                   oprnamespace
              FROM pg_operator
             UNION ALL
            SELECT 'pg_cast'::regclass, oid, castsource::regtype::text::name, 'cast of',
                   castfunc, 11::oid
              FROM pg_cast
        )
        SELECT DISTINCT what, name FROM own
         WHERE oid >= 16384::oid  -- what was made after the database
           AND schema IN (
               SELECT oid FROM pg_namespace WHERE nspname = ANY(%s::name[])
               )
               -- What PostgreSQL or an extension brings: the latter are written in C,
               -- while anybody may declare that a function is part of one.
           AND NOT EXISTS (
               SELECT FROM pg_depend
            LEFT JOIN pg_proc ON pg_proc.oid = own.function
            LEFT JOIN pg_language ON pg_language.oid = prolang
                WHERE classid = own.class AND objid = own.oid
                  AND (deptype = 'i' OR deptype = 'e'
                       AND COALESCE(lanname, 'c') = 'c')
               )
         ORDER BY 1, 2
        """,
        [schemas],
    )
    problems = [
        f"{what} {name} was added, and could answer in place of PostgreSQL's own"
        for what, name in cr.fetchall()
    ]
    cr.execute("SELECT set_config('search_path', %s, true)", [path])
    cr.execute("SELECT current_setting('session_replication_role')")
    role = cr.fetchone()[0]
    first = [name for name in schemas if not name.startswith("pg_temp")][0]
    if first != "pg_catalog":
        problems.append(f"what is in {first} comes before what PostgreSQL itself has")
    if role != "origin":
        problems.append("triggers are switched off by session_replication_role")
    return problems


def _find_table_problems(cr, tables):
    """Return what keeps triggers from seeing rows, or lets rows be written past them:
    policies of rows, tables that inherit, rules."""
    cr.execute(
        """
        SELECT relname, relrowsecurity,
               EXISTS (SELECT FROM pg_inherits WHERE inhparent = pg_class.oid),
               EXISTS (
                   SELECT FROM pg_rewrite
                    WHERE ev_class = pg_class.oid AND rulename <> '_RETURN'
               )
          FROM pg_class
         WHERE relname = ANY(%s) AND relkind IN ('r', 'p')
           AND relnamespace = current_schema::regnamespace
         ORDER BY relname
        """,
        [sorted({*tables, *READ_TABLES})],
    )
    rows = cr.fetchall()
    problems = [
        f"table {name} is missing"
        for name in sorted({*tables, *READ_TABLES} - {row[0] for row in rows})
    ]
    for name, has_policies, has_heirs, has_rules in rows:
        if has_policies:
            problems.append(f"table {name} has row-level security")
        if has_heirs:
            problems.append(f"table {name} has tables that inherit from it")
        if has_rules:
            problems.append(f"table {name} has rules")
    return problems


def drop_all(cr):
    """Drop all triggers and functions of ours, on whatever tables they are."""
    cr.execute(
        """
        SELECT relname, tgname
          FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
         WHERE tgname LIKE 'customer\\_approval\\_%' AND NOT tgisinternal
           AND relnamespace = current_schema::regnamespace
        """
    )
    for table, trigger in cr.fetchall():
        cr.execute(
            SQL("DROP TRIGGER %s ON %s", SQL.identifier(trigger), SQL.identifier(table))
        )
    cr.execute(
        """
        SELECT oid::regprocedure::text
          FROM pg_proc
         WHERE proname LIKE 'customer\\_approval\\_%'
           AND pronamespace = current_schema::regnamespace
        """
    )
    for (signature,) in cr.fetchall():
        cr.execute(SQL("DROP FUNCTION %s", SQL(signature)))
