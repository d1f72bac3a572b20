package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"shoal/internal/placement"
)

func (s *Server) answerGroups(ctx context.Context, l *link, req request) error {
	groups, err := unpackGroups(req.Names)
	if err != nil {
		return errors.Join(err, l.send(part{Status: isRefused}))
	}
	leave, err := s.looks.enter(ctx)
	if err == nil {
		defer leave()
		switch req.Op {
		case opDigests:
			err = s.sendDigests(ctx, l, groups)
		case opList:
			err = s.sendList(ctx, l, groups)
		default:
			err = fmt.Errorf("operation %d on groups: %w", req.Op, errRefused)
		}
	}
	if err == nil {
		return l.send(part{Status: isEnd})
	}
	if errors.Is(err, errBusy) {
		s.stats.busy.Add(1)
	}
	return errors.Join(err, l.send(part{Status: statusOf(err)}))
}

func (s *Server) sendDigests(ctx context.Context, l *link, groups []placement.Group) error {
	for some := range slices.Chunk(groups, digestsInPart) {
		digests, err := s.cfg.Groups.Digests(ctx, some)
		if err != nil {
			return err
		}
		var packed []byte
		for _, d := range digests {
			packed = appendDigest(packed, d)
		}
		if err := l.send(part{isMore, packed}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) sendList(ctx context.Context, l *link, groups []placement.Group) error {
	packed := make([]byte, 0, infosInPart*infoSize)
	for info, err := range s.cfg.Groups.List(ctx, groups...) {
		if err != nil {
			return err
		}
		packed = appendInfo(packed, info)
		if len(packed) < infosInPart*infoSize {
			continue
		}
		if err := l.send(part{isMore, packed}); err != nil {
			return err
		}
		packed = packed[:0]
	}
	if len(packed) == 0 {
		return nil
	}
	return l.send(part{isMore, packed})
}
