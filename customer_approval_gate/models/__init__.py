from . import (
    evidence,
    stage,
    approval,
    deposit,
    delivery,
    sale,
    account,
    res_company,
    res_config_settings,
    res_partner,
)
