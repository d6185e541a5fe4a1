"""The airfoil data set: find the file, download it, read it, or replace it by the moment twin.

Nothing here imports MXNet, so the data can be dealt with before MXNet is installed.
"""
