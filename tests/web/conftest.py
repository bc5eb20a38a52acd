from tests.patience import patient_ends

__all__ = ["patient_ends"]
