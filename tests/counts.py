"""How many cases a property test tries: a part in every run of the suite, all when asked for."""

import os

ALL = os.environ.get("GLUONBOOK_CH7_CASES") == "all"


def cases(number):
    """Return the number if GLUONBOOK_CH7_CASES is "all", a twentieth (at least 25) if not."""
    return number if ALL else max(25, number // 20)
