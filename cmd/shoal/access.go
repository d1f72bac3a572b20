package main

// refuseUnavailable answers for what the contract names and this version does not have.
func refuseUnavailable(access string) error {
	switch access {
	case "open":
		return nil
	case "private":
		return misuse("--access private is not available yet", "Everyone who reaches this node can watch.", "leave it out")
	}
	return misuse("cannot use --access "+access, "It is open or private.", "--access open")
}
