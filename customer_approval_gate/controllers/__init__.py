from . import approval, delivery, evidence, sale
