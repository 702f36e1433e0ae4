"""What `make up` runs: embedded servers, a gateway and one supervisor."""
