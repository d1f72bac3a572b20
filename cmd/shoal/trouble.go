package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitOK      = 0
	exitTrouble = 1
	exitUsage   = 2
)

// trouble is an error for a person: what happened, why, and what to do about it.
type trouble struct {
	what, why, do string
	code          int
}

func (t *trouble) Error() string {
	if t.why == "" {
		return t.what
	}
	return t.what + ": " + t.why
}

// misuse is trouble with the command line itself; it exits 2.
func misuse(what, why, do string) error {
	return &trouble{what: what, why: why, do: do, code: exitUsage}
}

// problem is trouble in carrying a command out; it exits 1.
func problem(what, why, do string) error {
	return &trouble{what: what, why: why, do: do, code: exitTrouble}
}

// report prints err and returns the exit code that goes with it.
func (a *app) report(cmd *cobra.Command, err error) int {
	if err == nil {
		return exitOK
	}
	var t *trouble
	switch {
	case errors.As(err, &t):
	case !a.started:
		t = &trouble{what: err.Error(), do: cmd.CommandPath() + " --help", code: exitUsage}
	case errors.Is(err, context.Canceled):
		t = &trouble{what: "interrupted", code: exitTrouble}
	default:
		t = &trouble{what: err.Error(), code: exitTrouble}
	}
	fmt.Fprintln(a.stderr, "error: "+printable(t.what))
	if t.why != "" {
		fmt.Fprintln(a.stderr, "  "+printable(t.why))
	}
	if t.do != "" {
		fmt.Fprintln(a.stderr, "  Try: "+printable(t.do))
	}
	return t.code
}

// printable replaces what could steer a terminal or hide in a line: control characters,
// line breaks, and the marks that turn the direction of writing.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// explain puts what was attempted before the node's refusal. Other errors speak for themselves.
func explain(what string, err error) error {
	var refusal *apiError
	if !errors.As(err, &refusal) {
		return err
	}
	return problem(what, refusal.Message, "")
}
