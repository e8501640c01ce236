from . import (
    test_documents,
    test_jobs,
    test_milestones,
    test_notes,
    test_parcels,
    test_priced,
    test_repairs,
)
