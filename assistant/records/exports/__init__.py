"""Forms in which a record leaves its folder, one file each."""
