"""The graph level: Functions of immutable Values."""
