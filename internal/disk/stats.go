package disk

// Stats is a snapshot of what the chunk store holds and did since it was opened, for metrics.
type Stats struct {
	Totals
	// Reads counts the chunks opened, Written and WrittenBytes the chunks put that were new.
	Reads, Written, WrittenBytes int64
	// VerifyFailures counts the chunks that went bad, ReadErrors those that could not be read to check them.
	VerifyFailures, ReadErrors int64
	// Failed is true when an fsync failed, and Put returns ErrSyncFailed.
	Failed bool
}

// Stats is cheap: it walks over nothing.
func (c *Chunks) Stats() Stats {
	return Stats{
		Totals:         c.usage.totals(),
		Reads:          c.reads.Load(),
		Written:        c.written.Load(),
		WrittenBytes:   c.writtenBytes.Load(),
		VerifyFailures: c.verifyFailures.Load(),
		ReadErrors:     c.readErrors.Load(),
		Failed:         c.failed.Load(),
	}
}
