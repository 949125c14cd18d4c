"""Conformance of adapters: a class for each port, to be run against a real server.

Subclass it in your own tests and give the fixtures that its docstring names.
"""
