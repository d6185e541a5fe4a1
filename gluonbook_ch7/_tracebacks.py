"""Which frames IPython and pytest show of an error."""

import sys
from types import FrameType
from typing import Optional

__all__ = ["hide_frames"]


def hide_frames() -> None:
    """Leave this package's functions out of the traceback that IPython and pytest show.

    What remains is the caller's line, which has the mistake, and the message.
    """
    frame: Optional[FrameType] = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith(f"{__package__}."):
            frame.f_locals["__tracebackhide__"] = True
        frame = frame.f_back
