"""What the black-box tests and the benchmark share: servers to start and kill, and a small Matrix client."""
