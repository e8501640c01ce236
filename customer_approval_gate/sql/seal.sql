-- Copyright 2026 Customer Approval Gate contributors
-- License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

-- Barrett reduction: with the key's inverse, a remainder takes multiplications and no
-- division, which is most of the time that a seal takes. What is estimated is too small
-- by two at most.
CREATE FUNCTION customer_approval_is_sealed(seal numeric, sealed text, modulus numeric)
RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
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
    RETURN power = {seal_prefix} * (2::numeric ^ 256) + expected;
END
$$;

CREATE FUNCTION customer_approval_checkpoint()
RETURNS trigger LANGUAGE plpgsql AS $$
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
$$;
