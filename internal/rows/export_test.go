package rows

// OnWrite has f told of each row that a table writes.
func OnWrite(t *Table, f func(encoded []byte)) { t.wrote.Store(&f) }

// DecodeStamps and DecodeHello read what nodes say to each other.
func DecodeStamps(text []byte) error {
	_, err := decodeStamps(text)
	return err
}
func DecodeHello(text []byte) error {
	_, err := decodeHello(text)
	return err
}

// Sign returns a row as a writer would write it at a time.
func Sign(who Signer, id ID, time uint64, value []byte) ([]byte, error) {
	return (&Table{cfg: Config{Signer: who}}).sign(newRow(id, time, who.Writer(), value, false))
}
