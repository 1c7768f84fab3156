"""One file per workload: ``run()`` measures and returns a Table."""
