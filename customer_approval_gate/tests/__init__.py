from . import (
    test_access,
    test_approval,
    test_content,
    test_engine,
    test_hooks,
    test_invoice,
    test_payment,
    test_portal,
    test_queries,
    test_routes,
    test_stage,
    test_tours,
)
