// Package filesystem asks of the file system what the standard library does not: to keep the names in a
// folder, how much room is left, and whether an error says that there is none. Every system that Shoal runs
// on has its own way.
package filesystem
