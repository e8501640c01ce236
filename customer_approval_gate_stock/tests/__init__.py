from . import test_interaction, test_parallel, test_stock
