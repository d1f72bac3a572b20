package pool

// Steady is steady for tests.
var Steady = steady

// ReadFacts returns the capacity that a node's facts promise.
func ReadFacts(text []byte) (capacity int64, err error) {
	f, err := readFacts(text)
	return f.Capacity, err
}

// ReadReport returns the free bytes of a node's report.
func ReadReport(text []byte) (free int64, err error) {
	r, err := readReport(text)
	return r.Free, err
}
