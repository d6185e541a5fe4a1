"""The commands behind ``gluonbook-ch7``, one module each: they call what computes, and show it."""
