"""One file per schema change; released files never change."""
