"""What the subcommands of `crackflow` do."""
