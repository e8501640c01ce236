-- Copyright 2026 Customer Approval Gate contributors
-- License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

CREATE FUNCTION customer_approval_event()
RETURNS trigger LANGUAGE plpgsql AS $$
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
    IF NEW.kind NOT IN ({unsealed_kinds}) THEN
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
            {sealed_fields}
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
$$;

CREATE FUNCTION customer_approval_unalterable()
RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Evidence of customer approvals can be neither changed nor deleted.'
        USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
              CONSTRAINT = 'customer_approval_evidence';
END
$$;

CREATE FUNCTION customer_approval_personal()
RETURNS trigger LANGUAGE plpgsql AS $$
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
$$;
