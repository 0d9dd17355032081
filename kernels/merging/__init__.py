"""Several arrays joined to one."""
