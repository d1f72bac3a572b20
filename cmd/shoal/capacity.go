package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// capacity is how much of a disk a node may fill: a share of the disk, or a number of bytes.
type capacity struct {
	// percent is in (0, 100], or 0 when bytes counts.
	percent float64
	bytes   int64
}

var units = map[string]float64{
	"": 1, "b": 1,
	"k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9, "t": 1e12, "tb": 1e12, "p": 1e15, "pb": 1e15,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40, "pib": 1 << 50,
}

// parseCapacity reads forms such as 80%, 200GB, 1.5TiB and 500000000.
func parseCapacity(s string) (capacity, error) {
	text := strings.ToLower(strings.TrimSpace(s))
	split := strings.IndexFunc(text, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if split < 0 {
		split = len(text)
	}
	unit := strings.TrimSpace(text[split:])
	number, err := strconv.ParseFloat(text[:split], 64)
	if err != nil {
		return capacity{}, fmt.Errorf("%q is not a share of the disk such as 80%% nor a size such as 200GB", s)
	}
	if unit == "%" {
		return percentCapacity(number)
	}
	factor, ok := units[unit]
	if !ok {
		return capacity{}, fmt.Errorf("%q has no unit that is known: use %% or MB, GB, TB", s)
	}
	return byteCapacity(number * factor)
}

func percentCapacity(number float64) (capacity, error) {
	if number <= 0 || number > 100 {
		return capacity{}, errors.New("a share of the disk is more than 0% and at most 100%")
	}
	return capacity{percent: number}, nil
}

func byteCapacity(number float64) (capacity, error) {
	if number < 1 || number >= math.MaxInt64 {
		return capacity{}, errors.New("a size is at least one byte and below 8 EiB")
	}
	return capacity{bytes: int64(number)}, nil
}

// of returns the capacity in bytes, at least 1, on a disk of that many bytes.
func (c capacity) of(disk int64) int64 {
	if c.percent == 0 {
		return c.bytes
	}
	return max(1, int64(float64(disk)/100*c.percent))
}
