"""The airfoil data set: find, download and read the file, or replace it with the moment twin.

Nothing here imports MXNet, so the data can be fetched before MXNet is installed.
"""
