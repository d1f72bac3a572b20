package watch

import (
	"errors"
	"path/filepath"
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// notifier tells of changes in folders.
type notifier interface {
	Add(folder string) error
	Remove(folder string) error
	WatchList() []string
	Close() error
	changes() <-chan struct{}
}

// system is the notifier of the operating system. What changed does not matter: all is looked through again.
type system struct {
	*fsnotify.Watcher
	changed chan struct{}
	done    chan struct{}
}

func systemNotifier() (notifier, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	s := &system{Watcher: w, changed: make(chan struct{}, 1), done: make(chan struct{})}
	go s.pass()
	return s, nil
}

// pass turns any number of events into one, until the watcher is closed.
func (s *system) pass() {
	defer close(s.done)
	for {
		select {
		case _, open := <-s.Events:
			if !open {
				return
			}
		case _, open := <-s.Errors: // too many at once, say: then something changed
			if !open {
				return
			}
		}
		select {
		case s.changed <- struct{}{}:
		default:
		}
	}
}

func (s *system) changes() <-chan struct{} { return s.changed }

// Close ends the watching and waits for its goroutine.
func (s *system) Close() error {
	err := s.Watcher.Close()
	<-s.done
	return err
}

// listener follows the folders that were found; without a notifier it hears nothing. It is used by one goroutine.
type listener struct {
	dir   string
	from  notifier
	err   error // why there is no notifier
	limit error // why some folder is not followed
}

func (w *Watcher) listen() *listener {
	l := &listener{dir: w.cfg.Dir}
	l.from, l.err = w.cfg.notify()
	return l
}

func (l *listener) events() <-chan struct{} {
	if l.err != nil {
		return nil
	}
	return l.from.changes()
}

func (l *listener) close() {
	if l.err == nil {
		_ = l.from.Close() // nothing is to be done about it
	}
}

// follow has changes in these folders told, and no others.
func (l *listener) follow(folders []string) {
	if l.err != nil {
		return
	}
	l.limit = nil
	here := make(map[string]bool)
	for _, folder := range folders {
		full := filepath.Join(l.dir, filepath.FromSlash(folder))
		here[full] = true
		if err := l.from.Add(full); err != nil && !isGone(err) {
			l.limit = err
		}
	}
	for _, full := range l.from.WatchList() {
		if !here[full] {
			_ = l.from.Remove(full) // it may be gone by itself
		}
	}
}

// warnings tells how to have all changes noticed at once.
func (l *listener) warnings() []Warning {
	err := errors.Join(l.err, l.limit)
	if err == nil {
		return nil
	}
	remedy := ""
	switch {
	case errors.Is(err, syscall.ENOSPC):
		remedy = " The system allows too few watched folders. Raise that: sudo sysctl fs.inotify.max_user_watches=524288 (and the same line in /etc/sysctl.d/90-shoal.conf, to stay)."
	case errors.Is(err, syscall.EMFILE):
		remedy = " The system allows too few watchers. Raise that: sudo sysctl fs.inotify.max_user_instances=1024 (and the same line in /etc/sysctl.d/90-shoal.conf, to stay)."
	default:
		remedy = " The system says: " + err.Error() + "."
	}
	return []Warning{{"watch_slow", "New films in the watched folder are noticed within a minute, not at once." + remedy}}
}
