package chunk_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"shoal/internal/chunk"
)

// abc is the SHA-256 of "abc", from FIPS 180-4's examples.
const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

func TestRefIsTheSHA256OfTheBytes(t *testing.T) {
	if got := chunk.Sum([]byte("abc")).String(); got != abc {
		t.Errorf("Sum(abc) = %s, want %s", got, abc)
	}
}

func TestParseRefReadsOneSpellingOnly(t *testing.T) {
	ref, err := chunk.ParseRef(abc)
	if err != nil || ref != chunk.Sum([]byte("abc")) {
		t.Fatalf("ParseRef(%q) = %v, %v", abc, ref, err)
	}
	for name, text := range map[string]string{
		"empty":      "",
		"upper case": strings.ToUpper(abc),
		"one upper":  "B" + abc[1:],
		"short":      abc[1:],
		"long":       abc + "0",
		"not hex":    "g" + abc[1:],
		"space":      " " + abc[1:],
		"a path":     "../" + abc[3:],
	} {
		if ref, err := chunk.ParseRef(text); err == nil || !ref.IsZero() {
			t.Errorf("%s: ParseRef(%q) = %v, %v; want the zero ref and an error", name, text, ref, err)
		}
	}
}

func TestFailedUnmarshalLeavesTheRefAlone(t *testing.T) {
	ref := chunk.Sum([]byte("abc"))
	if err := ref.UnmarshalText([]byte(strings.Repeat("x", 64))); err == nil {
		t.Fatal("no error")
	}
	if ref.String() != abc {
		t.Errorf("ref became %s", ref)
	}
}

func TestInfoSurvivesJSON(t *testing.T) {
	want := chunk.Info{Ref: chunk.Sum([]byte("abc")), Size: 3}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if wantText := `{"ref":"` + abc + `","size":3}`; string(text) != wantText {
		t.Errorf("marshalled to %s, want %s", text, wantText)
	}
	var got chunk.Info
	if err := json.Unmarshal(text, &got); err != nil || got != want {
		t.Errorf("unmarshalled to %v, %v; want %v", got, err, want)
	}
}

func TestVerifyTellsCorruptBytes(t *testing.T) {
	ref := chunk.Sum([]byte("abc"))
	if err := chunk.Verify(ref, []byte("abc")); err != nil {
		t.Errorf("right bytes: %v", err)
	}
	if err := chunk.Verify(ref, []byte("abd")); !errors.Is(err, chunk.ErrCorrupt) {
		t.Errorf("wrong bytes: %v, want ErrCorrupt", err)
	}
}

func TestCheckSizeKnowsTheLimits(t *testing.T) {
	for size, ok := range map[int64]bool{-1: false, 0: false, 1: true, chunk.MaxSize: true, chunk.MaxSize + 1: false} {
		if err := chunk.CheckSize(size); errors.Is(err, chunk.ErrSize) == ok {
			t.Errorf("CheckSize(%d) = %v", size, err)
		}
	}
}

func FuzzParseRef(f *testing.F) {
	for _, seed := range []string{"", abc, strings.ToUpper(abc), abc[:63], strings.Repeat("0", 64), "../../etc/passwd", abc + "\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := chunk.ParseRef(text)
		if err != nil && !ref.IsZero() {
			t.Errorf("ParseRef(%q) = %v with error %v", text, ref, err)
		}
		if err == nil && ref.String() != text {
			t.Errorf("ParseRef(%q) reads another spelling of %s", text, ref)
		}
	})
}
