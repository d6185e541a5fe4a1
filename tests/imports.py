"""What a process looks like from outside, before and after something is imported.

A program for the tests. Without an argument it forks a process for each public name, which has the
libraries and nothing of ours; with names, - for none, or "libraries" for what they import, it
imports these into its own process, which has only NumPy. It prints in JSON what that changed.
"""

import json
import locale
import logging
import os
import random
import signal
import sys
import traceback
import warnings
from functools import partial


def state():
    """Return all that an import could change for others, without what needs a library."""
    root = logging.getLogger()
    return {
        "warnings": [str(each) for each in warnings.filters] + [str(warnings.showwarning)],
        "logging": [root.level, [str(each) for each in root.handlers], logging.root.disabled],
        "sys.path": list(sys.path),
        "signals": [str(signal.getsignal(each)) for each in sorted(signal.valid_signals())],
        "environment": dict(os.environ),
        "locale": locale.setlocale(locale.LC_ALL),
        "hooks": [str(each) for each in (sys.excepthook, sys.displayhook)],
        # But for the one that says how to import the book's package, where nobody else has it.
        "importers": sorted({type(each).__name__ for each in sys.meta_path} - {"_HintFinder"}),
        "recursion": sys.getrecursionlimit(),
        "umask": os.umask(os.umask(0)),
        "here": sorted(os.listdir()),
        "home": sorted(os.listdir(os.environ["HOME"])),
        "Python's random": str(random.getstate()),
    }


def state_of_libraries():
    """Return the libraries' part; what makes MXNet draw comes last, because it is a change."""
    import matplotlib
    import mxnet
    import numpy

    own = {name: repr(value) for name, value in vars(numpy).items() if name[0] != "_"}
    return {
        "NumPy's random": str(numpy.random.get_state()),
        "NumPy's errors": numpy.geterr(),
        "NumPy's printing": str(numpy.get_printoptions()),
        "NumPy's names": own,
        "rcParams": str(dict(matplotlib.rcParams)),
        "MXNet's random": mxnet.nd.random.normal(shape=3).asnumpy().tolist(),
    }


def import_names(names):
    import gluonbook_ch7

    for name in names:
        getattr(gluonbook_ch7, name)


def import_libraries():
    """Import what the package imports, as it does, but nothing of the package itself."""
    import matplotlib.pyplot  # noqa: F401
    import numpy.testing
    import numpy.typing  # noqa: F401

    from gluonbook_ch7._mxnet.numpy_compat import restore_removed_names

    restore_removed_names()
    import mxnet  # noqa: F401


def in_a_process_of_its_own(work):
    """Return what a function returns in a forked process."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        try:
            with os.fdopen(writing, "w") as pipe:
                json.dump(work(), pipe)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.wait()
    return json.loads(said)


def changes(name, libraries):
    """Return what importing a name changed; `libraries` is their state without it."""
    before = {**state(), **libraries}
    import_names([name])
    return difference(before, {**state(), **state_of_libraries()})


def difference(before, after):
    return {name: after[name] for name in after if after[name] != before[name]}


def main():
    import numpy

    random.seed(7)
    numpy.random.seed(7)
    if sys.argv[1:]:
        before = state()
        if sys.argv[1] == "libraries":
            import_libraries()
        else:
            import_names(name for name in sys.argv[1:] if name != "-")
        print(json.dumps(difference(before, state())))
        return
    import_libraries()
    from gluonbook_ch7 import __all__ as names

    plain = in_a_process_of_its_own(state_of_libraries)
    found = {name: in_a_process_of_its_own(partial(changes, name, plain)) for name in names}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
