"""The airfoil data set: its file, where it can be had, and what stands in for it.

Nothing here needs MXNet, so that the data can be seen to before it is installed.
"""
