"""Settings from defaults, a TOML file and the command line; what cannot work is refused."""
