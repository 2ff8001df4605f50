"""What every request passes, one file each."""
