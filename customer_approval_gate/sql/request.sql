-- Copyright 2026 Customer Approval Gate contributors
-- License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

-- Which columns of a row have changed.
CREATE FUNCTION customer_approval_changed(before jsonb, after jsonb)
RETURNS text[] LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN (
        SELECT array_agg(key) FROM jsonb_each(after)
         WHERE value IS DISTINCT FROM COALESCE(before->key, 'null')
    );
END
$$;

-- The texts of a JSON list.
CREATE FUNCTION customer_approval_texts(list jsonb)
RETURNS text[] LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN ARRAY(SELECT jsonb_array_elements_text(list));
END
$$;

-- Whether nothing else has changed but that what can be erased was emptied.
CREATE FUNCTION customer_approval_is_emptied(changed text[], after jsonb, erasable jsonb)
RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN changed <@ (
               @.customer_approval_texts(erasable) || ARRAY['write_date', 'write_uid']
           )
       AND NOT EXISTS (
           SELECT FROM jsonb_array_elements_text(erasable) AS name
            WHERE after->name <> 'null' AND name = ANY(changed)
       );
END
$$;

CREATE FUNCTION customer_approval_refuse_request(place text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Approval requests are evidence: what was asked and answered '
        'cannot be written by hand. Let the customer answer.'
        USING ERRCODE = 'check_violation', TABLE = place,
              CONSTRAINT = 'customer_approval_request_evidence';
END
$$;

-- Arguments: the columns that never change, those of the answer, those of the answer
-- that can be erased (JSON lists).
CREATE FUNCTION customer_approval_request()
RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before jsonb := '{}';
    after jsonb := to_jsonb(NEW);
    changed text[];
    answer text[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        before := to_jsonb(OLD);
    END IF;
    changed := @.customer_approval_changed(before, after);
    answer := @.customer_approval_texts(TG_ARGV[1]::jsonb || TG_ARGV[2]::jsonb);
    IF TG_OP = 'INSERT' THEN
        IF NEW.state = 'pending' AND NEW.lapsed_on IS NULL
           AND NEW.conditions_accepted_on IS NULL AND NOT changed && answer THEN
            RETURN NEW;
        END IF;
    ELSIF changed && @.customer_approval_texts(TG_ARGV[0]::jsonb) THEN
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
        IF @.customer_approval_is_emptied(changed, after, TG_ARGV[2]::jsonb)
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
    PERFORM @.customer_approval_refuse_request(TG_TABLE_NAME);
    RETURN NULL;
END
$$;

-- Arguments: as for requests.
CREATE FUNCTION customer_approval_approver()
RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before jsonb := '{}';
    after jsonb := to_jsonb(NEW);
    changed text[];
    answer text[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        before := to_jsonb(OLD);
    END IF;
    changed := @.customer_approval_changed(before, after);
    answer := @.customer_approval_texts(TG_ARGV[1]::jsonb || TG_ARGV[2]::jsonb);
    -- A link that was replaced would open the page again.
    IF (after->>'token_number')::int < (before->>'token_number')::int THEN
        changed := ARRAY['id'];
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.state IN ('waiting', 'asked') AND NOT changed && answer THEN
            RETURN NEW;
        END IF;
    ELSIF changed && @.customer_approval_texts(TG_ARGV[0]::jsonb) THEN
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
        IF @.customer_approval_is_emptied(changed, after, TG_ARGV[2]::jsonb)
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
    PERFORM @.customer_approval_refuse_request(TG_TABLE_NAME);
    RETURN NULL;
END
$$;

-- A request, and somebody who is asked, are there with the event that says so: at the
-- end of the transaction, as the event comes after the row.
CREATE FUNCTION customer_approval_asked()
RETURNS trigger LANGUAGE plpgsql AS $$
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
    PERFORM @.customer_approval_refuse_request(TG_TABLE_NAME);
    RETURN NULL;
END
$$;
