-- Copyright 2026 Customer Approval Gate contributors
-- License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

-- What triggers read is not there: that is right while the addon is uninstalled, and
-- what it left behind does no harm then. Else somebody has renamed it.
CREATE FUNCTION customer_approval_must_be_gone()
RETURNS void LANGUAGE plpgsql STABLE AS $$
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
$$;

CREATE FUNCTION customer_approval_is_approved(model text, document int)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    request record;
    coverage record;
BEGIN
    SELECT last.*, ledger.is_decided INTO request
    FROM (
            SELECT id, state, lapsed_on, scope_digest, conditions_accepted_on
              FROM ONLY @.customer_approval_request
             WHERE res_model = model AND res_id = document
             ORDER BY id DESC LIMIT 1
           ) AS last,
           LATERAL (
            SELECT EXISTS (
               SELECT FROM ONLY @.customer_approval_event AS event
                WHERE event.request_id = last.id
                  AND event.res_model = model AND event.res_id = document
                  AND event.kind = 'decided'
                  AND event.decision = last.state
                  AND event.scope_digest = last.scope_digest
            ) AS is_decided
           ) AS ledger;
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
$$;

-- Design rule 2: a stage asks for the gates of all stages before it. How sure they want
-- to be who approved, 0 where any evidence will do, nothing where none asks for an
-- approval; and whether that depends on the amount. Without an amount all gates count.
CREATE FUNCTION customer_approval_demand(
    stage int, company int, amount numeric, OUT minimum int, OUT by_amount boolean
)
RETURNS record LANGUAGE plpgsql STABLE AS $$
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
$$;

-- The stage whose gates count for a state: the first that stands for it, or else for
-- the last of the gated states before it, which are in order.
CREATE FUNCTION customer_approval_stage_of_state(
    document_type text, states jsonb, state text, company int
)
RETURNS int LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT stage.id
          FROM jsonb_array_elements_text(states) WITH ORDINALITY AS own (name, number)
          JOIN jsonb_array_elements_text(states) WITH ORDINALITY AS wanted (name, number)
            ON wanted.name = state AND own.number <= wanted.number
          JOIN ONLY @.customer_approval_stage AS stage
            ON stage.document_type = customer_approval_stage_of_state.document_type
           AND stage.document_state = own.name
           AND stage.active
           AND (stage.company_id IS NULL OR stage.company_id = company)
         ORDER BY own.number DESC, stage.sequence, stage.id
         LIMIT 1
    );
END
$$;

CREATE FUNCTION customer_approval_is_gated(stage int, company int, amount numeric)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT demand.minimum IS NOT NULL
          FROM @.customer_approval_demand(stage, company, COALESCE(amount, 0)) AS demand
    );
END
$$;

-- How sure it is who approved: of the last request, or of all that cover the document.
CREATE FUNCTION customer_approval_strength(model text, document int)
RETURNS int LANGUAGE plpgsql STABLE AS $$
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
                   CASE details->>'level' {levels} ELSE 0 END
               ELSE COALESCE(
                   (details->>'strength')::int,
                   CASE method {methods} ELSE 0 END
               ) END)
          FROM ONLY @.customer_approval_event
         WHERE request_id = ANY(request_ids) AND kind = 'decided'
    ), 0);
END
$$;

-- How much of a currency one unit of a company's own is today, as Odoo finds it.
CREATE FUNCTION customer_approval_rate(currency int, company int)
RETURNS numeric LANGUAGE plpgsql STABLE AS $$
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
$$;

-- What a document comes to in its company's currency: the stages' amounts are compared
-- to it. One function for each table, with the columns that its model declares. What
-- stands between brackets is left out where the model declares none:
-- lines: they count, so that a total alone cannot be made smaller;
-- family: documents that change another count with the one they change.
CREATE FUNCTION customer_approval_amount_{table}(
    document int, after jsonb, with_lines boolean
)
RETURNS numeric LANGUAGE plpgsql STABLE AS $$
DECLARE
    original int;
    others numeric := 0;
    own numeric;
    rate numeric;
    added int[];
BEGIN
    rate := 1;
    -- [currency
    rate := COALESCE(NULLIF({rate}, 0), 1);
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
    -- currency]
    own := COALESCE((after->>'total')::numeric, 0);
    -- [lines
    -- What Odoo itself has added was nobody's to approve, while it asks for no more
    -- than it did then.
    added := ARRAY(
        SELECT line.id
          FROM ONLY @.customer_approval_event AS event
          JOIN ONLY @.{lines} AS line
            ON line.id = (event.details->>'line_id')::int
         WHERE event.res_model = '{model}' AND event.res_id = document
           AND event.kind = 'line_added' AND line.{document} = document
           AND line.product_id = (event.details->>'product_id')::int
           AND line.{quantity} <= (event.details->>'quantity')::numeric
           AND line.price_unit <= (event.details->>'unit_price')::numeric
           AND COALESCE(line.discount, 0) = 0
    );
    IF cardinality(added) > 0 THEN
        own := own - COALESCE((
            SELECT sum(price_total) FROM ONLY @.{lines}
             WHERE {document} = document AND id = ANY(added)
        ), 0);
    END IF;
    IF with_lines THEN
        own := GREATEST(own, (
            SELECT sum(price_total) FROM ONLY @.{lines}
             WHERE {document} = document AND display_type IS NULL
               AND id <> ALL(added)
        ), (
            SELECT sum({quantity} * price_unit
                       * (1 - COALESCE(discount, 0) / 100))
              FROM ONLY @.{lines}
             WHERE {document} = document AND display_type IS NULL
               AND id <> ALL(added)
        ));
    END IF;
    -- lines]
    -- [family
    original := COALESCE((after->>'parent')::int, document);
    -- What one of them gives back opens no gate for another: it can be cancelled.
    SELECT COALESCE(sum(
               GREATEST(other.{total}, 0) / CASE
                   WHEN other.{currency} = company.currency_id THEN 1
                   ELSE LEAST(
                       COALESCE(NULLIF(other.{rate_column}, 0), 1)::numeric,
                       @.customer_approval_rate(other.{currency}, company.id)
                   ) END
           ), 0)
      INTO others
      FROM ONLY @.{table} AS other
      JOIN ONLY @.res_company AS company ON company.id = other.{company}
     WHERE (other.id = original OR other.{parent} = original)
       AND other.id <> document AND {not_cancelled};
    -- family]
    RETURN round(GREATEST(own, 0) / rate + others, 6);
END
$$;

-- The gate of a table of documents: one function for each, by the names of the table's
-- own columns, as to look at a row as a whole takes longer than to write it. Most of
-- what is written has nothing to do with gates, and is left early.
-- Arguments: the model, its type of document, what makes a row staged (JSON), its final
-- states (JSON).
CREATE FUNCTION customer_approval_gate_{table}()
RETURNS trigger LANGUAGE plpgsql AS $$
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
    IF to_regclass('@.customer_approval_request') IS NULL
       OR to_regclass('@.customer_approval_event') IS NULL
       OR to_regclass('@.customer_approval_stage') IS NULL THEN
        PERFORM @.customer_approval_must_be_gone();
        RETURN COALESCE(NEW, OLD);
    END IF;
    IF TG_OP = 'UPDATE' AND {unchanged} THEN
        RETURN NEW;
    END IF;
    -- [staged
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
           FROM (
            SELECT id, state, lapsed_on, scope_digest, conditions_accepted_on
              FROM ONLY @.customer_approval_request
             WHERE res_model = TG_ARGV[0] AND res_id = NEW.id
             ORDER BY id DESC LIMIT 1
           ) AS last,
           LATERAL (
            SELECT EXISTS (
               SELECT FROM ONLY @.customer_approval_event AS event
                WHERE event.request_id = last.id
                  AND event.res_model = TG_ARGV[0] AND event.res_id = NEW.id
                  AND event.kind = 'decided'
                  AND event.decision = last.state
                  AND event.scope_digest = last.scope_digest
            ) AS is_decided
           ) AS ledger
       ) THEN
        RETURN NEW;
    END IF;
    -- staged]
    IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND NEW.id <> OLD.id THEN
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
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    after := {after};
    IF NOT after ?& ARRAY['stage_id', 'state', 'customer_approval_status'] THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        before := {before};
        is_new := after->'id' <> before->'id'
            OR after->'company_id' IS DISTINCT FROM before->'company_id';
    END IF;
    stages_apply := TRUE;
    FOR condition IN SELECT * FROM jsonb_each(TG_ARGV[2]::jsonb) LOOP
        stages_apply := stages_apply
            AND condition.value @> COALESCE(after->('column.' || condition.key), 'null');
        is_new := is_new
            OR after->('column.' || condition.key)
               IS DISTINCT FROM before->('column.' || condition.key);
    END LOOP;
    IF stages_apply AND (
        is_new OR after->'stage_id' IS DISTINCT FROM before->'stage_id'
    ) THEN
        wanted := wanted || (after->>'stage_id')::int;
    END IF;
    IF stages_apply AND TG_ARGV[3]::jsonb ? (after->>'state')
       AND (is_new OR after->'state' IS DISTINCT FROM before->'state') THEN
        wanted := wanted || @.customer_approval_stage_of_state(
            TG_ARGV[1], TG_ARGV[3]::jsonb, after->>'state', (after->>'company_id')::int
        );
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
    -- [held
    IF stages_apply AND '{held_values}'::jsonb @> COALESCE(after->'held', 'null')
       AND (is_new OR NOT '{held_values}'::jsonb @> COALESCE(before->'held', 'null'))
       AND NOT @.customer_approval_is_approved(TG_ARGV[0], NEW.id) THEN
        RAISE EXCEPTION 'Cannot set {held}: customer approval is required.'
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
                  CONSTRAINT = 'customer_approval_gate';
    END IF;
    -- held]
    -- [family
    IF COALESCE(before->'parent', 'null') <> 'null'
       AND after->'parent' IS DISTINCT FROM before->'parent' THEN
        RAISE EXCEPTION 'A change order stays one of the order it changes.'
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
                  CONSTRAINT = 'customer_approval_parent';
    END IF;
    -- family]
    -- What stands behind a gate that small documents pass stays small.
    grown := stages_apply AND cardinality(wanted) = 0 AND (
        COALESCE((after->>'total')::numeric, 0)
            > COALESCE((before->>'total')::numeric, 0)
        OR {amount_changed}
    );
    IF grown THEN
        wanted := wanted || (after->>'stage_id')::int;
        IF TG_ARGV[3]::jsonb ? (after->>'state') THEN
            wanted := wanted || @.customer_approval_stage_of_state(
                TG_ARGV[1], TG_ARGV[3]::jsonb, after->>'state', company
            );
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
                amount, @.customer_approval_amount_{table}(NEW.id, after, TRUE)
            );
            SELECT demand.minimum INTO minimum
              FROM @.customer_approval_demand(stage, company, amount) AS demand;
            CONTINUE WHEN minimum IS NULL;
        END IF;
        -- The lines may be what they are to be already.
        CONTINUE WHEN grown AND @.customer_approval_is_gated(
            stage, company,
            @.customer_approval_amount_{table}(NEW.id, before, FALSE)
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
$$;

-- Arguments: the model.
CREATE FUNCTION customer_approval_truncated()
RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('@.customer_approval_request') IS NULL THEN
        PERFORM @.customer_approval_must_be_gone();
        RETURN NULL;
    END IF;
    IF EXISTS (
        SELECT FROM ONLY @.customer_approval_request WHERE res_model = TG_ARGV[0]
    ) THEN
        RAISE EXCEPTION 'A document whose customer was asked cannot be deleted: '
            'cancel it instead.'
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
                  CONSTRAINT = 'customer_approval_asked';
    END IF;
    RETURN NULL;
END
$$;

-- Arguments: the type of document, the table of documents, the column of the line that
-- says which it is, the line's copy of its state, the state itself, the stage. At the
-- end of the transaction, as both are now.
CREATE FUNCTION customer_approval_copied()
RETURNS trigger LANGUAGE plpgsql AS $$
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
        'SELECT line.%I IS DISTINCT FROM document.%I'
        '  FROM @.%I AS line JOIN @.%I AS document ON document.id = line.%I'
        ' WHERE line.id = $1 AND document.%I IS NOT NULL',
        TG_ARGV[3], TG_ARGV[4], TG_TABLE_NAME, TG_ARGV[1], TG_ARGV[2], TG_ARGV[5]
    ) INTO altered USING NEW.id;
    IF altered THEN
        RAISE EXCEPTION 'The state of a line is that of its document.'
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
                  CONSTRAINT = 'customer_approval_copied';
    END IF;
    RETURN NULL;
END
$$;
