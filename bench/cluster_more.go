package main

func measureSharedImport(l *lab) error { return nil }
func measureDeath(l *lab) error        { return nil }
func measureCatchUp(l *lab) error      { return nil }
