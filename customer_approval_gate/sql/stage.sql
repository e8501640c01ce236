-- Copyright 2026 Customer Approval Gate contributors
-- License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

-- Arguments: the columns that decide on gates (JSON list). Each new value has to be in
-- an event of this transaction; what is empty or false is null there.
CREATE FUNCTION customer_approval_stage()
RETURNS trigger LANGUAGE plpgsql AS $$
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
$$;
