-- What the addons have left behind after they were uninstalled: nothing, one hopes.
SELECT 'table ' || table_name
  FROM information_schema.tables
 WHERE table_name LIKE 'customer\_approval%'
UNION ALL
SELECT 'column ' || table_name || '.' || column_name
  FROM information_schema.columns
 WHERE column_name LIKE '%customer\_approval%'
    OR table_name IN ('sale_order', 'account_move')
   AND column_name IN ('stage_id', 'stage_entered_on', 'blocked_by', 'next_stage_id')
UNION ALL
SELECT 'function ' || proname FROM pg_proc WHERE proname LIKE 'customer\_approval%'
UNION ALL
SELECT 'trigger ' || tgname FROM pg_trigger WHERE tgname LIKE '%customer\_approval%'
UNION ALL
SELECT 'parameter ' || key
  FROM ir_config_parameter
 WHERE key LIKE 'customer\_approval%'
UNION ALL
SELECT 'external id ' || module || '.' || name
  FROM ir_model_data
 WHERE module LIKE 'customer\_approval\_gate%'
UNION ALL
SELECT 'model ' || model FROM ir_model WHERE model LIKE 'customer.approval%'
UNION ALL
SELECT 'field ' || model || '.' || name
  FROM ir_model_fields
 WHERE name LIKE '%customer\_approval%'
UNION ALL
SELECT 'job ' || cron_name FROM ir_cron WHERE cron_name ILIKE 'customer approval%'
UNION ALL
SELECT 'file ' || name FROM ir_attachment WHERE res_model LIKE 'customer.approval%'
UNION ALL
SELECT 'message ' || id FROM mail_message WHERE model LIKE 'customer.approval%'
UNION ALL
SELECT 'follower ' || id FROM mail_followers WHERE res_model LIKE 'customer.approval%'
UNION ALL
SELECT 'template ' || id FROM mail_template WHERE model LIKE 'customer.approval%'
