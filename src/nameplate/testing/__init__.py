"""Conformance of adapters: a class for each port, to be run against a real server.

Subclass it in your own tests and give the fixtures that its docstring names. A failing check shows
the values that it compared, as an `assert` in your own tests does.
"""

import sys
from pkgutil import iter_modules

if "pytest" in sys.modules:  # elsewhere nobody reads the values, and pytest need not be there
    import pytest

    pytest.register_assert_rewrite(*(f"{__name__}.{one.name}" for one in iter_modules(__path__)))
