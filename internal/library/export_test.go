package library

import (
	"context"

	"shoal/internal/manifest"
)

// FollowOnce does once what Run does from time to time; false when some of it could not be done.
func (l *Library) FollowOnce(ctx context.Context) bool { return l.followOnce(ctx) }

// Reconcile does to theirs what made ours of base.
func Reconcile(base, ours, theirs *manifest.Manifest) (*manifest.Manifest, bool) {
	return reconcile(base, ours, theirs)
}
