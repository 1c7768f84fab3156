"""The command line: one module for each subcommand, imported when it is chosen.

A module has ``EXAMPLE``, ``add_arguments(parser)`` and ``run(options)``, which returns
the exit status; its docstring is the description that ``--help`` shows.
"""
