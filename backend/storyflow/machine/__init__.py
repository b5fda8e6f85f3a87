"""Check what is installed, and measure how fast this machine is."""
