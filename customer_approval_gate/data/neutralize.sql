-- links of before stop: nobody answers in a copy what they were asked in the original
INSERT INTO ir_config_parameter (key, value)
     SELECT 'customer_approval_gate.former_identities', jsonb_build_array(value)::text
       FROM ir_config_parameter
      WHERE key = 'customer_approval_gate.identity'
ON CONFLICT (key) DO UPDATE
        SET value = (ir_config_parameter.value::jsonb || EXCLUDED.value::jsonb)::text;
UPDATE ir_config_parameter
   SET value = gen_random_uuid()::text
 WHERE key = 'customer_approval_gate.identity';

-- whichever database this was, where it is now is recorded with its new identity
DELETE FROM ir_config_parameter
      WHERE key = 'customer_approval_gate.home';

-- mails that were queued do not leave
UPDATE mail_mail
   SET state = 'cancel'
 WHERE id IN (SELECT mail_id FROM customer_approval_mailing)
   AND state IN ('outgoing', 'exception');
UPDATE customer_approval_mailing
   SET state = 'cancelled'
 WHERE state IN ('queued', 'sending', 'failed');

-- nor do checkpoints: the copy's would contradict the original's
DELETE FROM ir_config_parameter
      WHERE key = 'customer_approval_gate.checkpoint_emails';
