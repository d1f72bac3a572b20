package main

import "testing"

func TestCapacityIsAShareOfTheDiskOrASize(t *testing.T) {
	const disk = 1000_000_000
	cases := []struct {
		in   string
		want int64
	}{
		{"80%", 800_000_000}, {"100%", disk}, {"12.5 %", 125_000_000}, {"0.0000000000001%", 1},
		{"200GB", 200e9}, {"200 gb", 200e9}, {"1.5TiB", 1.5 * (1 << 40)}, {"64K", 64_000}, {"512MiB", 512 << 20},
		{"4096", 4096}, {"7b", 7},
	}
	for _, c := range cases {
		parsed, err := parseCapacity(c.in)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
		} else if got := parsed.of(disk); got != c.want {
			t.Errorf("%q is %d bytes, want %d", c.in, got, c.want)
		}
	}
}

func TestCapacityRefusesWhatMeansNothing(t *testing.T) {
	for _, in := range []string{"", "%", "GB", "0", "0%", "101%", "-5GB", "-1%", "1.2.3GB", "5 apples", "1e3", "NaN", "Inf%", "0.5", "9EB", "99999PB", "80%%", "1_000"} {
		if got, err := parseCapacity(in); err == nil {
			t.Errorf("%q was read as %+v", in, got)
		}
	}
}

func FuzzCapacityIsPositiveOrRefused(f *testing.F) {
	for _, seed := range []string{"80%", "200GB", "1.5TiB", "", "0", "1e400GB", "9223372036854775807", "\x00%", "٣%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		c, err := parseCapacity(in)
		if err != nil {
			return
		}
		if got := c.of(1 << 40); got <= 0 {
			t.Errorf("%q is %d bytes", in, got)
		}
		if (c.percent == 0) == (c.bytes == 0) {
			t.Errorf("%q is %+v: one of the two counts", in, c)
		}
	})
}
