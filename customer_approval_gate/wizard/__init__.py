from . import approval, evidence
