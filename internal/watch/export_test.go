package watch

import (
	"context"
	"time"
)

// Notifier is what tells of changes.
type Notifier = notifier

// SystemNotifier is that of the operating system.
var SystemNotifier = systemNotifier

// Notified returns the configuration with another notifier.
func (c Config) Notified(make func() (Notifier, error)) Config {
	c.notify = make
	return c
}

// Looks returns a function that looks through the folder once, and the one that ends the watching.
func (w *Watcher) Looks() (look func(ctx context.Context) time.Duration, end func()) {
	l := w.listen()
	return func(ctx context.Context) time.Duration { return w.look(ctx, l) }, l.close
}
